// Activation and dropout row by row on the CPU, in one pass over memory each way.

#include <ATen/Parallel.h>

#include "kernels/activation_node.h"
#include "kernels/curve_rows.h"
#include "kernels/element_pointer.h"
#include "longspan/core/ceil_divide.h"

namespace longspan {
namespace {

constexpr std::int64_t kFewestOfAThread = 1 << 12;  // elements

// Rows [N, F], which may be columns of a wider matrix.
template <class Element>
struct MatrixRows {
  Element* data = nullptr;
  std::int64_t stride = 0;

  static MatrixRows of(const at::Tensor& x_NF) {
    if (!x_NF.defined()) return {};
    return {elements_or_null<Element>(x_NF), x_NF.stride(0)};
  }
  Element* at(std::int64_t row) const { return data == nullptr ? nullptr : data + row * stride; }
};

// Calls work(row, what activate() and backward() read of it).
template <class Element, class Work>
void for_rows(const ActivationCall& call, const Work& work) {
  const std::int64_t F = call.x.size(1);
  const auto x = MatrixRows<const Element>::of(call.x),
             gate = MatrixRows<const Element>::of(call.gate);
  const auto* const row_ids = elements_or_null<const std::int64_t>(call.row_ids);
  at::parallel_for(
      0, call.x.size(0), ceil_divide(kFewestOfAThread, F),
      [&](std::int64_t first, std::int64_t last) {
        RowMasks<float> masks(call.rule, row_ids, F);
        for (std::int64_t row = first; row < last; ++row)
          work(row, curve_rows::Input<Element>{x.at(row), gate.at(row), masks.of(row)});
      });
}

template <class Element>
void activate_rows(const ActivationCall& call, const at::Tensor& out_NF) {
  const auto out = MatrixRows<Element>::of(out_NF);
  for_rows<Element>(call, [&](std::int64_t row, const curve_rows::Input<Element>& in) {
    curve_rows::activate(call.activation, out.at(row), in, out_NF.size(1));
  });
}

template <class Element>
void activate_rows_backward(const ActivationCall& call, const at::Tensor& d_out_NF,
                            const ActivationGradients& d) {
  const auto d_out = MatrixRows<const Element>::of(d_out_NF);
  const auto d_x = MatrixRows<Element>::of(d.x), d_gate = MatrixRows<Element>::of(d.gate);
  for_rows<Element>(call, [&](std::int64_t row, const curve_rows::Input<Element>& in) {
    curve_rows::backward(call.activation,
                         curve_rows::Gradients<Element>{d_x.at(row), d_gate.at(row)}, in,
                         d_out.at(row), d_out_NF.size(1));
  });
}

struct CpuActivationRows {
  static at::Tensor as_rows(const at::Tensor& x) {
    const at::Tensor x_NF = x.reshape({-1, x.size(-1)});
    return x_NF.stride(1) == 1 ? x_NF : x_NF.contiguous();
  }
  static at::Tensor ready(const at::Tensor& x) { return x.contiguous(); }

  static void forward(const ActivationCall& call, const at::Tensor& out) {
    if (call.x.scalar_type() == at::kBFloat16)
      activate_rows<c10::BFloat16>(call, out);
    else
      activate_rows<float>(call, out);
  }

  static void backward(const ActivationCall& call, const at::Tensor& d_out,
                       const ActivationGradients& d) {
    if (call.x.scalar_type() == at::kBFloat16)
      activate_rows_backward<c10::BFloat16>(call, d_out, d);
    else
      activate_rows_backward<float>(call, d_out, d);
  }
};

}  // namespace

at::Tensor cpu_activated(Activation activation, const ActivationInput& input,
                         const std::optional<RowDropout>& dropout) {
  return activated_by<CpuActivationRows>(activation, input, dropout);
}

}  // namespace longspan
