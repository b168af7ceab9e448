#include "longspan/kernels/products.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels/few_rows.h"
#include "longspan/kernels/step_part.h"

// LibTorch exports it for its operators of narrow dtypes, but has no header of it and no operator
// that takes float32 there.
namespace at::native {
void mkldnn_matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& result, float beta,
                   float alpha);
}

namespace longspan {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Given = std::optional<at::Tensor>;

// On AMD's processors the operators' library, MKL, leaves half of the vector units idle. Measured
// on Zen 5 (2 cores, products of 256 to 16,384 rows and columns): oneDNN 300 to 470 GFLOP/s, MKL
// 120 to 210, forward and both gradients.
bool has_faster_onednn() {
#if defined(__x86_64__)
  static const bool result = __builtin_cpu_is("amd") && __builtin_cpu_supports("avx512f");
  return result;
#else
  return false;
#endif
}

bool is_column_major(const at::Tensor& x) { return x.stride(0) == 1 && x.size(0) > 1; }

// Vectors are MKL's: a call of oneDNN costs ten microseconds, more than they take. So are few
// rows of a product with a transposed matrix, which oneDNN would transpose in memory.
bool takes_onednn(const at::Tensor& a, const at::Tensor& b) {
  constexpr std::int64_t kFewRows = 9, kManyRows = 64;
  const std::int64_t rows = a.size(0);
  if (!has_faster_onednn() || !a.is_cpu() || a.scalar_type() != at::kFloat) return false;
  if (rows < 2 || b.size(1) < 2 || b.size(0) < 2) return false;
  return rows < kFewRows || rows >= kManyRows || !is_column_major(b);
}

at::Tensor onednn_linear(const at::Tensor& x, const at::Tensor& weight_OI, const Given& bias_O) {
  const StepPart part("longspan::products");
  using Product = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                             std::string_view, c10::List<std::optional<at::Scalar>>,
                             std::optional<std::string_view>);
  static const auto run = c10::Dispatcher::singleton()
                              .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
                              .typed<Product>();
  return run.call(x, weight_OI, bias_O, "none", c10::List<std::optional<at::Scalar>>(),
                  std::nullopt);
}

// An operator of LibTorch fills the result with the bias and adds the product to it.
bool adds_bias_by_onednn(const at::Tensor& x_NI) {
#if defined(__x86_64__)
  return x_NI.is_cpu() && x_NI.scalar_type() == at::kBFloat16 && has_faster_onednn() &&
         __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

at::Tensor as_rows(const at::Tensor& x) { return x.reshape({-1, x.size(-1)}); }

struct LinearProduct : torch::autograd::Function<LinearProduct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight_OI, const Given& bias_O) {
    context->save_for_backward({x, weight_OI});
    context->saved_data["has_bias"] = bias_O.has_value();
    return onednn_linear(x, weight_OI, bias_O);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const StepPart part("longspan::products");
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &weight_OI = saved[1];
    const at::Tensor d_y_NO = as_rows(gradients[0]);
    variable_list result(3);
    if (context->needs_input_grad(0)) result[0] = product(d_y_NO, weight_OI).view(x.sizes());
    if (context->needs_input_grad(1)) result[1] = product(d_y_NO.t(), as_rows(x));
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2))
      result[2] = d_y_NO.sum(0);
    return result;
  }
};

struct BackProduct : torch::autograd::Function<BackProduct> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_NO,
                            const at::Tensor& weight_OI) {
    const StepPart part("longspan::products");
    context->save_for_backward({x_NO, weight_OI});
    return product(x_NO, weight_OI);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const StepPart part("longspan::products");
    const auto saved = context->get_saved_variables();
    const auto &x_NO = saved[0], &weight_OI = saved[1];
    variable_list result(2);
    if (context->needs_input_grad(0)) result[0] = product(gradients[0], weight_OI.t());
    if (context->needs_input_grad(1)) result[1] = product(x_NO.t(), gradients[0]);
    return result;
  }
};

at::Tensor one_layer(const at::Tensor& x, const at::Tensor& weight_OI, const at::Tensor& bias_O) {
  if (x.dim() > 1 && x.numel() > 0 && takes_onednn(as_rows(x), weight_OI.t()))
    return LinearProduct::apply(x, weight_OI, bias_O.defined() ? Given(bias_O) : std::nullopt);
  return bias_O.defined() ? at::linear(x, weight_OI, bias_O) : at::linear(x, weight_OI);
}

}  // namespace

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  if (!takes_onednn(a, b)) return at::mm(a, b);
  at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
  at::native::mkldnn_matmul(a, b, out, 0.0F, 1.0F);
  return out;
}

void product_out(at::Tensor& out, const at::Tensor& a, const at::Tensor& b) {
  if (takes_onednn(a, b))
    at::native::mkldnn_matmul(a, b, out, 0.0F, 1.0F);
  else
    at::mm_out(out, a, b);
}

void add_product(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b) {
  if (takes_onednn(a, b))
    at::native::mkldnn_matmul(a, b, sum, 1.0F, 1.0F);
  else
    sum.addmm_(a, b);
}

at::Tensor linear_product(const at::Tensor& x_NI, const at::Tensor& weight_OI,
                          const at::Tensor& bias_O) {
  if (takes_few_rows(x_NI, weight_OI)) {
    const WeightAndBias layer{weight_OI, bias_O};
    return few_rows_products(x_NI, {&layer, 1}).front();
  }
  if (!bias_O.defined()) return product(x_NI, weight_OI.t());
  if (adds_bias_by_onednn(x_NI)) return onednn_linear(x_NI, weight_OI, bias_O);
  return at::addmm(bias_O, x_NI, weight_OI.t());
}

at::Tensor linear_layer(const at::Tensor& x, const at::Tensor& weight_OI,
                        const at::Tensor& bias_O) {
  const WeightAndBias layer{weight_OI, bias_O};
  return linear_layers(x, {&layer, 1}).front();
}

std::vector<at::Tensor> linear_layers(const at::Tensor& x, std::span<const WeightAndBias> layers) {
  std::vector<at::Tensor> results;
  if (!at::GradMode::is_enabled() && x.dim() > 1) {
    const at::Tensor x_NI = as_rows(x);
    const auto is_few = [&](const WeightAndBias& layer) {
      return takes_few_rows(x_NI, layer.weight_OI);
    };
    if (std::ranges::all_of(layers, is_few)) {
      auto sizes = x.sizes().vec();
      for (const at::Tensor& y_NO : few_rows_products(x_NI, layers)) {
        sizes.back() = y_NO.size(1);
        results.push_back(y_NO.view(sizes));
      }
      return results;
    }
  }
  for (const auto& [weight_OI, bias_O] : layers) results.push_back(one_layer(x, weight_OI, bias_O));
  return results;
}

at::Tensor linear_layer_back(const at::Tensor& x_NO, const at::Tensor& weight_OI) {
  return takes_onednn(x_NO, weight_OI) ? BackProduct::apply(x_NO, weight_OI)
                                       : at::mm(x_NO, weight_OI);
}

}  // namespace longspan
