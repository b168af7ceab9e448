// The backward pass of the fused attention. It forms the probabilities again from the kept
// log-sum-exp of each row.

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>

#include "kernels/blas_products.h"
#include "kernels/panel_products.h"

namespace longspan::fused {
namespace {

template <class Element>
struct Backward {
  HeadRows<const Element> q, out, d_out;
  const SumOf<Element>* log_sums;
  KeyData<Element> keys;
  HeadRows<Element> d_q;
  SumOf<Element>* d_bias_BHS;  // may be null; its rows run by key distance reversed
};

template <class Scalar>
struct BackwardScratch {
  std::vector<Scalar> p, d_p, mask;
  std::int64_t row_stride = 0;
  explicit BackwardScratch(const Problem& problem)
      : p(score_elements(problem)), d_p(p.size()), mask(static_cast<std::size_t>(problem.S)) {}
};

// What the query at t of a block sees: its scores in p and d_out v^T in d_p.
template <class Scalar>
struct Row {
  std::int64_t t;
  Seen seen;
  Scalar *p, *d_p;
};

// Turns the row's scores into its dropped probabilities and d_p into the gradient of the scores.
template <class Element, class Scalar>
void backward_row(const Head<Scalar>& head, const Row<Scalar>& row, const Backward<Element>& data,
                  std::vector<Scalar>& mask) {
  const Problem& problem = head.problem;
  const Scalar log_sum = data.log_sums[head.sum_offset(row.t)];
  const std::int64_t keys = row.seen.count(), first_key = row.seen.first_key;
  row_math::scale_add_exp(
      row.p, keys,
      {head.bias.at(row.seen.position()) + first_key, static_cast<Scalar>(problem.scale), log_sum});
  // The sum over keys of p * d_p, with or without dropout.
  const Scalar mean = row_math::dot(data.out.at(head.b, row.t, head.h),
                                    data.d_out.at(head.b, row.t, head.h), problem.K);
  const bool drops = problem.drop.p > 0.0;
  if (drops) {
    row_math::draw_mask(mask.data(), row.seen.position() + 1, head.mask(row.t));
    row_math::multiply(row.d_p, mask.data() + first_key, keys);
  }
  row_math::softmax_gradient(row.d_p, row.p, keys, mean);
  if (drops) row_math::multiply(row.p, mask.data() + first_key, keys);
}

template <class Element, class Scalar>
void backward_rows(const Head<Scalar>& head, const Block& block, const Backward<Element>& data,
                   BackwardScratch<Scalar>& scratch) {
  const std::int64_t S = head.problem.S;
  for (std::int64_t i = 0; i < block.rows(); ++i) {
    const std::int64_t t = block.begin + i;
    const Seen seen(head.problem, block, head.b, t);
    Scalar* const rows[] = {scratch.p.data() + i * scratch.row_stride,
                            scratch.d_p.data() + i * scratch.row_stride};
    const Row<Scalar> row{t, seen, rows[0] + seen.begin, rows[1] + seen.begin};
    backward_row(head, row, data, scratch.mask);
    for (Scalar* const x : rows) {
      std::fill(x, x + seen.begin, Scalar(0));
      std::fill(x + seen.end, x + block.columns, Scalar(0));
    }
    if (data.d_bias_BHS == nullptr) continue;
    Scalar* const d_bias = data.d_bias_BHS + (head.b * head.problem.H + head.h) * S +
                           (S - 1 - seen.position() + seen.first_key);
    for (std::int64_t s = 0; s < seen.count(); ++s) d_bias[s] += row.d_p[s];
  }
}

template <class Products, class Element, class Scalar>
void backward_block(const Head<Scalar>& head, const Block& block, const Backward<Element>& data,
                    BackwardScratch<Scalar>& scratch, Products& products) {
  const auto of_block = [&](const auto& heads) {
    return rows_of(heads, head.b, head.h).from(block.begin);
  };
  const Rows<const Element> q = of_block(data.q), d_out = of_block(data.d_out);
  Scalar* const p = scratch.p.data();
  Scalar* const d_p = scratch.d_p.data();
  scratch.row_stride = products.row_stride(block);
  products.scores(q, block, p);
  products.d_probabilities(d_out, block, d_p);
  backward_rows(head, block, data, scratch);
  products.add_d_values(p, d_out, block);
  products.d_queries(d_p, block, of_block(data.d_q));
  products.add_d_keys(d_p, q, block);
}

template <class Products, class Element>
void backward_all(const Problem& problem, const Backward<Element>& data,
                  const at::Tensor& bias_HN) {
  using Scalar = SumOf<Element>;
  const std::int64_t heads_per_group = problem.H / problem.G;
  at::parallel_for(0, problem.B * problem.G, 1, [&](std::int64_t first, std::int64_t last) {
    BackwardScratch<Scalar> scratch(problem);
    Products products(problem, data.keys);
    for (std::int64_t task = first; task < last; ++task) {
      const std::int64_t b = task / problem.G, g = task % problem.G;
      products.load(b, g);
      for (std::int64_t h = g * heads_per_group; h < (g + 1) * heads_per_group; ++h) {
        const Head<Scalar> head(problem, bias_HN, b, h);
        for (std::int64_t begin = 0; begin < problem.T; begin += kQueryBlock)
          backward_block(head, Block(problem, b, begin, Products::kPanel), data, scratch, products);
      }
      products.store();
    }
  });
}

template <class Products, class Element>
void run(const Problem& problem, const Tensors& tensors, const at::Tensor& d_out, bool bias_trains,
         Gradients& d) {
  using Scalar = SumOf<Element>;
  const auto& [q, k, v, bias_HN, out, log_sums_BHT] = tensors;
  const auto given = [](const at::Tensor& x) { return HeadRows<const Element>::of(x); };
  const auto wanted = [](const at::Tensor& x) { return HeadRows<Element>::of(x); };
  at::Tensor d_bias_BHS;
  if (bias_trains)
    d_bias_BHS = at::zeros({problem.B, problem.H, problem.S}, log_sums_BHT.options());
  const Backward<Element> data{given(q),
                               given(out),
                               given(d_out),
                               log_sums_BHT.const_data_ptr<Scalar>(),
                               {given(k), given(v), wanted(d.k), wanted(d.v)},
                               wanted(d.q),
                               bias_trains ? d_bias_BHS.mutable_data_ptr<Scalar>() : nullptr};
  backward_all<Products>(problem, data, bias_HN);
  if (!bias_trains) return;
  d.bias_HN = at::zeros(bias_HN.sizes(), bias_HN.options());
  d.bias_HN.narrow(1, 0, problem.S).copy_(d_bias_BHS.sum(0).flip(1));
}

}  // namespace

void run_backward(const Problem& problem, const Tensors& tensors, const at::Tensor& d_out,
                  bool bias_trains, Gradients& d) {
  const auto dtype = tensors.q.scalar_type();
  if (dtype == at::kDouble)
    return run<BlasProducts<double>, double>(problem, tensors, d_out, bias_trains, d);
  if (dtype == at::kBFloat16)
    return run<PanelProducts<c10::BFloat16>, c10::BFloat16>(problem, tensors, d_out, bias_trains,
                                                            d);
  if (takes_panels(dtype, problem.T, problem.K))
    return run<PanelProducts<float>, float>(problem, tensors, d_out, bias_trains, d);
  return run<BlasProducts<float>, float>(problem, tensors, d_out, bias_trains, d);
}

}  // namespace longspan::fused
