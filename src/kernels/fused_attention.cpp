// Causal attention on the CPU in query blocks (after FlashAttention, arXiv:2205.14135, with whole
// rows in cache instead of tiles of keys). Work is divided over (batch, head) so that no sum
// depends on the number of threads.

#include "kernels/fused_attention.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/blas.h"
#include "kernels/dropout_rule.h"
#include "kernels/row_math.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::int64_t kQueryBlock = 64;

using blas::Transpose;

// The dropout of one call, with its tensor of row ids unpacked.
struct Drop {
  double p = 0.0;
  DropoutKey key;
  const std::int64_t* row_ids = nullptr;  // [B, T]
};

// Sizes and strides of one call. Rows of one head are `*_stride` elements apart.
struct Problem {
  std::int64_t B, T, S, H, G, K;
  double scale;
  Drop drop;

  explicit Problem(const at::Tensor& q, const at::Tensor& k, double score_scale)
      : B(q.size(0)),
        T(q.size(1)),
        S(k.size(1)),
        H(q.size(2)),
        G(k.size(2)),
        K(q.size(3)),
        scale(score_scale) {}
  std::int64_t q_stride() const { return H * K; }
  std::int64_t k_stride() const { return G * K; }
  std::int64_t q_offset(std::int64_t b, std::int64_t h) const { return b * T * H * K + h * K; }
  std::int64_t k_offset(std::int64_t b, std::int64_t g) const { return b * S * G * K + g * K; }
  std::int64_t first_query() const { return S - T; }
};

// The biases of one head so laid out that the bias of key s for the query at position i is
// at(i)[s].
template <class Scalar>
class BiasRow {
 public:
  BiasRow(const Scalar* bias_HN, std::int64_t stride, std::int64_t head, std::int64_t num_keys)
      : reversed_(static_cast<std::size_t>(num_keys), Scalar(0)),
        num_keys_(num_keys),
        zero_(bias_HN == nullptr) {
    if (zero_) return;
    const Scalar* row = bias_HN + head * stride;
    std::reverse_copy(row, row + num_keys, reversed_.begin());
  }
  const Scalar* at(std::int64_t position) const {
    return zero_ ? reversed_.data() : reversed_.data() + (num_keys_ - 1 - position);
  }

 private:
  std::vector<Scalar> reversed_;
  std::int64_t num_keys_;
  bool zero_;
};

// One block of queries of one head: rows [begin, end) see keys [0, num_keys).
struct Block {
  std::int64_t begin, end, num_keys;
  std::int64_t rows() const { return end - begin; }
};

Block block_at(const Problem& problem, std::int64_t begin) {
  const std::int64_t end = std::min(begin + kQueryBlock, problem.T);
  return {begin, end, problem.first_query() + end};
}

template <class Scalar>
row_math::RowMask mask_of(const Problem& problem, std::int64_t b, std::int64_t t, std::int64_t h) {
  return row_mask(problem.drop.key, problem.drop.p, problem.drop.row_ids[b * problem.T + t], h);
}

template <class Scalar>
void forward_block(const Problem& problem, const Block& block, std::int64_t b, std::int64_t h,
                   const Scalar* q, const Scalar* k, const Scalar* v, const BiasRow<Scalar>& bias,
                   std::vector<Scalar>& scores, std::vector<Scalar>& mask, Scalar* out,
                   Scalar* log_sums) {
  const std::int64_t keys = block.num_keys;
  const blas::Sizes score_sizes{block.rows(), keys, problem.K};
  blas::multiply<Scalar>(score_sizes, 1, {q + block.begin * problem.q_stride(), problem.q_stride()},
                         Transpose::No, {k, problem.k_stride()}, Transpose::Yes, 0,
                         {scores.data(), keys});
  Scalar scale_back[kQueryBlock];
  for (std::int64_t row = 0; row < block.rows(); ++row) {
    const std::int64_t position = problem.first_query() + block.begin + row;
    Scalar* const x = scores.data() + row * keys;
    const Scalar greatest = row_math::scale_add_max(x, bias.at(position), position + 1,
                                                    static_cast<Scalar>(problem.scale));
    const Scalar sum = row_math::exp_sum(x, position + 1, greatest);
    std::fill(x + position + 1, x + keys, Scalar(0));
    log_sums[block.begin + row] = greatest + std::log(sum);
    scale_back[row] = Scalar(1) / sum;
    if (problem.drop.p == 0.0) continue;
    row_math::draw_mask(mask.data(), position + 1,
                        mask_of<Scalar>(problem, b, block.begin + row, h));
    for (std::int64_t s = 0; s <= position; ++s) x[s] *= mask[static_cast<std::size_t>(s)];
  }
  Scalar* const out_rows = out + block.begin * problem.q_stride();
  blas::multiply<Scalar>({block.rows(), problem.K, keys}, 1, {scores.data(), keys}, Transpose::No,
                         {v, problem.k_stride()}, Transpose::No, 0, {out_rows, problem.q_stride()});
  for (std::int64_t row = 0; row < block.rows(); ++row) {
    Scalar* const x = out_rows + row * problem.q_stride();
    for (std::int64_t i = 0; i < problem.K; ++i) x[i] *= scale_back[row];
  }
}

template <class Scalar>
void forward_all(const Problem& problem, const at::Tensor& q, const at::Tensor& k,
                 const at::Tensor& v, const at::Tensor& bias_HN, const at::Tensor& out,
                 const at::Tensor& log_sums_BHT) {
  const auto* bias = bias_HN.defined() ? bias_HN.const_data_ptr<Scalar>() : nullptr;
  const std::int64_t bias_stride = bias_HN.defined() ? bias_HN.size(1) : 0;
  const std::int64_t blocks = (problem.T + kQueryBlock - 1) / kQueryBlock;
  const auto* q_data = q.const_data_ptr<Scalar>();
  const auto* k_data = k.const_data_ptr<Scalar>();
  const auto* v_data = v.const_data_ptr<Scalar>();
  auto* out_data = out.mutable_data_ptr<Scalar>();
  auto* sums_data = log_sums_BHT.mutable_data_ptr<Scalar>();
  at::parallel_for(0, problem.B * problem.H, 1, [&](std::int64_t first, std::int64_t last) {
    std::vector<Scalar> scores(static_cast<std::size_t>(kQueryBlock * problem.S));
    std::vector<Scalar> mask(static_cast<std::size_t>(problem.S));
    for (std::int64_t task = first; task < last; ++task) {
      const std::int64_t b = task / problem.H, h = task % problem.H,
                         g = h / (problem.H / problem.G);
      const BiasRow<Scalar> bias_row(bias, bias_stride, h, problem.S);
      for (std::int64_t i = 0; i < blocks; ++i)
        forward_block(problem, block_at(problem, i * kQueryBlock), b, h,
                      q_data + problem.q_offset(b, h), k_data + problem.k_offset(b, g),
                      v_data + problem.k_offset(b, g), bias_row, scores, mask,
                      out_data + problem.q_offset(b, h), sums_data + task * problem.T);
    }
  });
}

// What backward reads and writes, as pointers to the whole tensors.
template <class Scalar>
struct Backward {
  const Scalar *q, *k, *v, *out, *d_out, *log_sums;
  Scalar *d_q, *d_k, *d_v,
      *d_bias_BHS;  // d_bias may be null; its rows run by key distance reversed
};

template <class Scalar>
struct BackwardScratch {
  std::vector<Scalar> p, d_p, mask;
  explicit BackwardScratch(const Problem& problem)
      : p(static_cast<std::size_t>(kQueryBlock * problem.S)),
        d_p(p.size()),
        mask(static_cast<std::size_t>(problem.S)) {}
};

// Turns the block's scores (in p) and d_out v^T (in d_p) into the dropped probabilities and the
// gradient of the scores.
template <class Scalar>
void backward_rows(const Problem& problem, const Block& block, std::int64_t b, std::int64_t h,
                   const Backward<Scalar>& data, const BiasRow<Scalar>& bias,
                   BackwardScratch<Scalar>& scratch) {
  for (std::int64_t row = 0; row < block.rows(); ++row) {
    const std::int64_t t = block.begin + row, position = problem.first_query() + t,
                       keys = position + 1;
    Scalar* const p = scratch.p.data() + row * block.num_keys;
    Scalar* const d_p = scratch.d_p.data() + row * block.num_keys;
    row_math::scale_add_exp(p, bias.at(position), keys, static_cast<Scalar>(problem.scale),
                            data.log_sums[(b * problem.H + h) * problem.T + t]);
    const std::int64_t at = problem.q_offset(b, h) + t * problem.q_stride();
    Scalar mean = 0;  // sum over keys of p * d_p, which equals out . d_out with or without dropout
    for (std::int64_t i = 0; i < problem.K; ++i) mean += data.out[at + i] * data.d_out[at + i];
    if (problem.drop.p > 0.0) {
      row_math::draw_mask(scratch.mask.data(), keys, mask_of<Scalar>(problem, b, t, h));
      for (std::int64_t s = 0; s < keys; ++s) d_p[s] *= scratch.mask[static_cast<std::size_t>(s)];
    }
    row_math::softmax_gradient(d_p, p, keys, mean);
    if (problem.drop.p > 0.0)
      for (std::int64_t s = 0; s < keys; ++s) p[s] *= scratch.mask[static_cast<std::size_t>(s)];
    std::fill(p + keys, p + block.num_keys, Scalar(0));
    std::fill(d_p + keys, d_p + block.num_keys, Scalar(0));
    if (data.d_bias_BHS == nullptr) continue;
    Scalar* const d_bias =
        data.d_bias_BHS + (b * problem.H + h) * problem.S + (problem.S - 1 - position);
    for (std::int64_t s = 0; s < keys; ++s) d_bias[s] += d_p[s];
  }
}

template <class Scalar>
void backward_block(const Problem& problem, const Block& block, std::int64_t b, std::int64_t h,
                    const Backward<Scalar>& data, const BiasRow<Scalar>& bias,
                    BackwardScratch<Scalar>& scratch) {
  const std::int64_t g = h / (problem.H / problem.G), keys = block.num_keys;
  const std::int64_t q_at = problem.q_offset(b, h) + block.begin * problem.q_stride(),
                     k_at = problem.k_offset(b, g);
  const std::int64_t q_stride = problem.q_stride(), k_stride = problem.k_stride();
  const auto scale = static_cast<Scalar>(problem.scale);
  Scalar* const p = scratch.p.data();
  Scalar* const d_p = scratch.d_p.data();
  const blas::Sizes by_key{block.rows(), keys, problem.K}, to_key{keys, problem.K, block.rows()};
  blas::multiply<Scalar>(by_key, 1, {data.q + q_at, q_stride}, Transpose::No,
                         {data.k + k_at, k_stride}, Transpose::Yes, 0, {p, keys});
  blas::multiply<Scalar>(by_key, 1, {data.d_out + q_at, q_stride}, Transpose::No,
                         {data.v + k_at, k_stride}, Transpose::Yes, 0, {d_p, keys});
  backward_rows(problem, block, b, h, data, bias, scratch);
  blas::multiply<Scalar>(to_key, 1, {p, keys}, Transpose::Yes, {data.d_out + q_at, q_stride},
                         Transpose::No, 1, {data.d_v + k_at, k_stride});
  blas::multiply<Scalar>({block.rows(), problem.K, keys}, scale, {d_p, keys}, Transpose::No,
                         {data.k + k_at, k_stride}, Transpose::No, 0, {data.d_q + q_at, q_stride});
  blas::multiply<Scalar>(to_key, scale, {d_p, keys}, Transpose::Yes, {data.q + q_at, q_stride},
                         Transpose::No, 1, {data.d_k + k_at, k_stride});
}

template <class Scalar>
void backward_all(const Problem& problem, const Backward<Scalar>& data, const at::Tensor& bias_HN) {
  const auto* bias = bias_HN.defined() ? bias_HN.const_data_ptr<Scalar>() : nullptr;
  const std::int64_t bias_stride = bias_HN.defined() ? bias_HN.size(1) : 0;
  const std::int64_t heads_per_group = problem.H / problem.G;
  at::parallel_for(0, problem.B * problem.G, 1, [&](std::int64_t first, std::int64_t last) {
    BackwardScratch<Scalar> scratch(problem);
    for (std::int64_t task = first; task < last; ++task) {
      const std::int64_t b = task / problem.G, g = task % problem.G;
      for (std::int64_t h = g * heads_per_group; h < (g + 1) * heads_per_group; ++h) {
        const BiasRow<Scalar> bias_row(bias, bias_stride, h, problem.S);
        for (std::int64_t begin = 0; begin < problem.T; begin += kQueryBlock)
          backward_block(problem, block_at(problem, begin), b, h, data, bias_row, scratch);
      }
    }
  });
}

template <class Scalar>
torch::autograd::variable_list run_backward(const Problem& problem, const at::Tensor& q,
                                            const at::Tensor& k, const at::Tensor& v,
                                            const at::Tensor& bias_HN, const at::Tensor& out,
                                            const at::Tensor& log_sums, const at::Tensor& d_out,
                                            bool bias_trains) {
  const auto d_q = at::empty(q.sizes(), q.options()), d_k = at::zeros(k.sizes(), k.options());
  const auto d_v = at::zeros(v.sizes(), v.options());
  const auto d_bias_BHS =
      bias_trains ? at::zeros({problem.B, problem.H, problem.S}, q.options()) : at::Tensor();
  backward_all<Scalar>(
      problem,
      {q.const_data_ptr<Scalar>(), k.const_data_ptr<Scalar>(), v.const_data_ptr<Scalar>(),
       out.const_data_ptr<Scalar>(), d_out.const_data_ptr<Scalar>(),
       log_sums.const_data_ptr<Scalar>(), d_q.mutable_data_ptr<Scalar>(),
       d_k.mutable_data_ptr<Scalar>(), d_v.mutable_data_ptr<Scalar>(),
       bias_trains ? d_bias_BHS.mutable_data_ptr<Scalar>() : nullptr},
      bias_HN);
  at::Tensor d_bias_HN;
  if (bias_trains) {
    d_bias_HN = at::zeros(bias_HN.sizes(), bias_HN.options());
    d_bias_HN.narrow(1, 0, problem.S).copy_(d_bias_BHS.sum(0).flip(1));
  }
  return {d_q, d_k, d_v, d_bias_HN};
}

struct FusedAttention : torch::autograd::Function<FusedAttention> {
  static Problem problem_of(const at::Tensor& q, const at::Tensor& k, const at::Tensor& row_ids,
                            const c10::List<std::int64_t>& key, double scale, double p) {
    Problem problem(q, k, scale);
    if (p > 0.0)
      problem.drop = {p,
                      {static_cast<std::uint64_t>(key.get(0)), key.get(1),
                       static_cast<std::uint64_t>(key.get(2))},
                      row_ids.const_data_ptr<std::int64_t>()};
    return problem;
  }

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q,
                            const at::Tensor& k, const at::Tensor& v,
                            const std::optional<at::Tensor>& bias,
                            const std::optional<at::Tensor>& rows,
                            const c10::List<std::int64_t>& key, double scale, double p) {
    const at::Tensor bias_HN = bias.value_or(at::Tensor()), row_ids = rows.value_or(at::Tensor());
    const Problem problem = problem_of(q, k, row_ids, key, scale, p);
    at::Tensor out = at::empty(q.sizes(), q.options());
    at::Tensor log_sums = at::empty({problem.B, problem.H, problem.T}, q.options());
    if (q.scalar_type() == at::kDouble)
      forward_all<double>(problem, q, k, v, bias_HN, out, log_sums);
    else
      forward_all<float>(problem, q, k, v, bias_HN, out, log_sums);
    context->save_for_backward({q, k, v, bias_HN, row_ids, out, log_sums});
    context->saved_data["key"] = key;
    context->saved_data["scale"] = scale;
    context->saved_data["p"] = p;
    context->saved_data["bias_trains"] = bias_HN.defined() && bias_HN.requires_grad();
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &q = saved[0], &k = saved[1], &v = saved[2], &bias = saved[3], &out = saved[5],
               &log_sums = saved[6];
    const Problem problem =
        problem_of(q, k, saved[4], context->saved_data["key"].toIntList(),
                   context->saved_data["scale"].toDouble(), context->saved_data["p"].toDouble());
    const at::Tensor d_out = gradients[0].contiguous();
    const bool bias_trains = context->saved_data["bias_trains"].toBool();
    auto result =
        q.scalar_type() == at::kDouble
            ? run_backward<double>(problem, q, k, v, bias, out, log_sums, d_out, bias_trains)
            : run_backward<float>(problem, q, k, v, bias, out, log_sums, d_out, bias_trains);
    result.resize(8);
    return result;
  }
};

}  // namespace

at::Tensor fused_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                           const at::Tensor& v_BSGK, const at::Tensor& bias_HN,
                           const AttentionOptions& options) {
  const auto dtype = q_BTHK.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto ready = [&](const at::Tensor& x) { return x.to(dtype).contiguous(); };
  const AttentionDropout drop = options.dropout.value_or(AttentionDropout{});
  const c10::List<std::int64_t> key({static_cast<std::int64_t>(drop.key.seed), drop.key.step,
                                     static_cast<std::int64_t>(drop.key.site)});
  std::optional<at::Tensor> bias, row_ids;
  if (bias_HN.defined()) bias = ready(bias_HN);
  if (drop.p > 0.0) row_ids = drop.row_ids_BT.contiguous();
  return FusedAttention::apply(ready(q_BTHK), ready(k_BSGK), ready(v_BSGK), bias, row_ids, key,
                               options.scale, drop.p)
      .to(q_BTHK.scalar_type());
}

}  // namespace longspan
