// The forward pass of the fused attention.

#include <ATen/Parallel.h>

#include <cmath>

#include "kernels/blas.h"
#include "kernels/fused_problem.h"
#include "longspan/core/ceil_divide.h"

namespace longspan::fused {
namespace {

using blas::Transpose;

template <class Scalar>
struct Forward {
  const Scalar *q, *k, *v;
  Scalar *out, *log_sums;

  explicit Forward(const Tensors& tensors)
      : q(tensors.q.const_data_ptr<Scalar>()),
        k(tensors.k.const_data_ptr<Scalar>()),
        v(tensors.v.const_data_ptr<Scalar>()),
        out(tensors.out.mutable_data_ptr<Scalar>()),
        log_sums(tensors.log_sums_BHT.mutable_data_ptr<Scalar>()) {}
};

template <class Scalar>
struct ForwardScratch {
  std::vector<Scalar> scores, mask;
  Scalar scale_back[kQueryBlock];  // what each row of probabilities is still to be multiplied by

  explicit ForwardScratch(const Problem& problem)
      : scores(static_cast<std::size_t>(kQueryBlock * problem.S)),
        mask(static_cast<std::size_t>(problem.S)) {}
};

// Turns the block's products into probabilities times their row's sum, dropped ones zero.
template <class Scalar>
void forward_rows(const Head<Scalar>& head, const Block& block, const Forward<Scalar>& data,
                  ForwardScratch<Scalar>& scratch) {
  const Problem& problem = head.problem;
  for (std::int64_t row = 0; row < block.rows(); ++row) {
    const std::int64_t t = block.begin + row;
    const Seen seen(problem, block, head.b, t);
    Scalar* const scores = scratch.scores.data() + row * block.num_keys;
    Scalar* const x = scores + seen.begin;
    const Scalar greatest =
        row_math::scale_add_max(x, head.bias.at(seen.position()) + seen.first_key, seen.count(),
                                static_cast<Scalar>(problem.scale));
    const Scalar sum = row_math::exp_sum(x, seen.count(), greatest);
    std::fill(scores, x, Scalar(0));
    std::fill(scores + seen.end, scores + block.num_keys, Scalar(0));
    data.log_sums[head.sum_offset(t)] = greatest + std::log(sum);
    scratch.scale_back[row] = Scalar(1) / sum;
    if (problem.drop.p == 0.0) continue;
    row_math::draw_mask(scratch.mask.data(), seen.position() + 1, head.mask(t));
    const Scalar* const mask = scratch.mask.data() + seen.first_key;
    for (std::int64_t s = 0; s < seen.count(); ++s) x[s] *= mask[s];
  }
}

template <class Scalar>
void forward_block(const Head<Scalar>& head, const Block& block, const Forward<Scalar>& data,
                   ForwardScratch<Scalar>& scratch) {
  const std::int64_t keys = block.num_keys, K = head.problem.K;
  const std::int64_t q_stride = head.problem.q_stride(), k_stride = head.problem.k_stride();
  const std::int64_t q_at = head.q_offset(block.begin), k_at = head.k_offset(block.first_key);
  Scalar* const scores = scratch.scores.data();
  blas::multiply<Scalar>({block.rows(), keys, K}, {data.q + q_at, q_stride},
                         {data.k + k_at, k_stride, Transpose::Yes}, {scores, keys});
  forward_rows(head, block, data, scratch);
  blas::multiply<Scalar>({block.rows(), K, keys}, {scores, keys}, {data.v + k_at, k_stride},
                         {data.out + q_at, q_stride});
  for (std::int64_t row = 0; row < block.rows(); ++row) {
    Scalar* const x = data.out + q_at + row * q_stride;
    for (std::int64_t i = 0; i < K; ++i) x[i] *= scratch.scale_back[row];
  }
}

template <class Scalar>
void forward_all(const Problem& problem, const Tensors& tensors) {
  const Forward<Scalar> data(tensors);
  const std::int64_t blocks = ceil_divide(problem.T, kQueryBlock);
  at::parallel_for(0, problem.B * problem.H, 1, [&](std::int64_t first, std::int64_t last) {
    ForwardScratch<Scalar> scratch(problem);
    for (std::int64_t task = first; task < last; ++task) {
      const Head<Scalar> head(problem, tensors.bias_HN, task / problem.H, task % problem.H);
      for (std::int64_t i = 0; i < blocks; ++i)
        forward_block(head, Block(problem, head.b, i * kQueryBlock), data, scratch);
    }
  });
}

}  // namespace

void run_forward(const Problem& problem, const Tensors& tensors) {
  if (tensors.q.scalar_type() == at::kDouble)
    forward_all<double>(problem, tensors);
  else
    forward_all<float>(problem, tensors);
}

}  // namespace longspan::fused
