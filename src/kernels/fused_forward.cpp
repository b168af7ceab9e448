// The forward pass of the fused attention.

#include <ATen/Parallel.h>

#include <cmath>

#include "kernels/blas_products.h"
#include "kernels/panel_products.h"
#include "kernels/row_products.h"

namespace longspan::fused {
namespace {

template <class Element>
struct Forward {
  HeadRows<const Element> q;
  KeyData<Element> keys;
  HeadRows<Element> out;
  SumOf<Element>* log_sums;

  explicit Forward(const Tensors& tensors)
      : q(HeadRows<const Element>::of(tensors.q)),
        keys{HeadRows<const Element>::of(tensors.k), HeadRows<const Element>::of(tensors.v)},
        out(HeadRows<Element>::of(tensors.out)),
        log_sums(tensors.log_sums_BHT.mutable_data_ptr<SumOf<Element>>()) {}
};

template <class Scalar>
struct ForwardScratch {
  std::vector<Scalar> scores, mask;
  std::int64_t row_stride = 0;
  Scalar scale_back[kQueryBlock];  // what each row of probabilities is still to be multiplied by

  explicit ForwardScratch(const Problem& problem)
      : scores(score_elements(problem)), mask(static_cast<std::size_t>(problem.S)) {}
};

// Turns the block's products into probabilities times their row's sum, dropped ones zero.
template <class Scalar>
void forward_rows(const Head<Scalar>& head, const Block& block, Scalar* log_sums,
                  ForwardScratch<Scalar>& scratch) {
  const Problem& problem = head.problem;
  for (std::int64_t row = 0; row < block.rows(); ++row) {
    const std::int64_t t = block.begin + row;
    const Seen seen(problem, block, head.b, t);
    Scalar* const scores = scratch.scores.data() + row * scratch.row_stride;
    Scalar* const x = scores + seen.begin;
    const Scalar greatest =
        row_math::scale_add_max(x, head.bias.at(seen.position()) + seen.first_key, seen.count(),
                                static_cast<Scalar>(problem.scale));
    const Scalar sum = row_math::exp_sum(x, seen.count(), greatest);
    std::fill(scores, x, Scalar(0));
    std::fill(scores + seen.end, scores + block.columns, Scalar(0));
    log_sums[head.sum_offset(t)] = greatest + std::log(sum);
    scratch.scale_back[row] = Scalar(1) / sum;
    if (problem.drop.p == 0.0) continue;
    row_math::draw_mask(scratch.mask.data(), seen.position() + 1, head.mask(t));
    row_math::multiply(x, scratch.mask.data() + seen.first_key, seen.count());
  }
}

template <class Products, class Element>
void forward_all(const Problem& problem, const Tensors& tensors) {
  using Scalar = SumOf<Element>;
  const Forward<Element> data(tensors);
  const std::int64_t blocks = ceil_divide(problem.T, kQueryBlock);
  at::parallel_for(0, problem.B * problem.H, 1, [&](std::int64_t first, std::int64_t last) {
    ForwardScratch<Scalar> scratch(problem);
    Products products(problem, data.keys);
    for (std::int64_t task = first; task < last; ++task) {
      const Head<Scalar> head(problem, tensors.bias_HN, task / problem.H, task % problem.H);
      products.load(head.b, head.g);
      const Rows<const Element> q = rows_of(data.q, head.b, head.h);
      const Rows<Element> out = rows_of(data.out, head.b, head.h);
      for (std::int64_t i = 0; i < blocks; ++i) {
        const Block block(problem, head.b, i * kQueryBlock, Products::kPanel);
        Scalar* const scores = scratch.scores.data();
        scratch.row_stride = products.row_stride(block);
        products.scores(q.from(block.begin), block, scores);
        forward_rows(head, block, data.log_sums, scratch);
        products.values(scores, block, scratch.scale_back, out.from(block.begin));
      }
    }
  });
}

}  // namespace

bool takes_rows(at::ScalarType dtype, std::int64_t num_queries, std::int64_t num_keys) {
  constexpr std::int64_t kMostQueries = 4;
  return (dtype == at::kFloat || dtype == at::kBFloat16) && num_queries <= kMostQueries &&
         num_keys > num_queries;
}

void run_forward(const Problem& problem, const Tensors& tensors) {
  const auto dtype = tensors.q.scalar_type();
  const bool by_row = takes_rows(dtype, problem.T, problem.S);
  if (dtype == at::kDouble)
    forward_all<BlasProducts<double>, double>(problem, tensors);
  else if (dtype == at::kBFloat16 && by_row)
    forward_all<RowProducts<c10::BFloat16>, c10::BFloat16>(problem, tensors);
  else if (dtype == at::kBFloat16)
    forward_all<PanelProducts<c10::BFloat16>, c10::BFloat16>(problem, tensors);
  else if (by_row)
    forward_all<RowProducts<float>, float>(problem, tensors);
  else if (takes_panels(dtype, problem.T, problem.K))
    forward_all<PanelProducts<float>, float>(problem, tensors);
  else
    forward_all<BlasProducts<float>, float>(problem, tensors);
}

}  // namespace longspan::fused
