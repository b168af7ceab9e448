#include "model/taken_rows.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

namespace longspan {
namespace {

struct TakenRows : torch::autograd::Function<TakenRows> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x_ND,
                            const at::Tensor& rows_M, const at::Tensor& places_N) {
    context->save_for_backward({places_N});
    return x_ND.index_select(0, rows_M);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::Tensor& d_rows_MD = gradients[0];
    const at::Tensor places_N = context->get_saved_variables()[0];
    // Of a permutation each row has its place; else the others find a row of zeros behind the last.
    if (d_rows_MD.size(0) == places_N.size(0)) return {d_rows_MD.index_select(0, places_N), {}, {}};
    const at::Tensor zeros_1D = at::zeros({1, d_rows_MD.size(1)}, d_rows_MD.options());
    return {at::cat({d_rows_MD, zeros_1D}).index_select(0, places_N), {}, {}};
  }
};

}  // namespace

at::Tensor take_rows(const at::Tensor& x_ND, const at::Tensor& rows_M, const at::Tensor& places_N) {
  return TakenRows::apply(x_ND, rows_M, places_N);
}

}  // namespace longspan
