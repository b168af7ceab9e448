// Linear layer and cross-entropy in one, over chunks of rows: the logits of a chunk are turned into
// their gradient while they are in cache, so that neither logits nor softmax of the whole batch
// ever exist.

#include "longspan/kernels/cross_entropy.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/gpu/launches.h"
#include "kernels/kernel_tables.h"
#include "kernels/row_math.h"
#include "kernels/sum_of.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/kernels/products.h"
#include "longspan/kernels/step_part.h"
#include "longspan/kernels/weight_gradient.h"

namespace longspan {
namespace {

// Logits a chunk. On a CPU 32 MiB: few chunks, since each adds to the whole gradient of the weight,
// and small enough that most of a chunk stays in the last-level cache. A GPU's products want many
// rows, in whole tiles, and few launches.
constexpr std::int64_t kCpuElements = 1 << 23, kCpuBfloat16Elements = 1 << 24,
                       kGpuElements = 1 << 28, kGpuTileRows = 128;
constexpr std::int64_t kFewestRows = 64, kMostRows = 4096;
constexpr std::int64_t kGpuColumns = 8;

// Log-sum-exp of one row of logits minus the target's logit; leaves exp(logit - greatest) in the
// row.
template <class Scalar>
double row_loss(Scalar* x, std::int64_t V, std::int64_t target, Scalar& sum) {
  const Scalar greatest = row_math::max(x, V), of_target = x[target];
  sum = row_math::exp_sum(x, V, greatest);
  return std::log(static_cast<double>(sum)) + static_cast<double>(greatest) -
         static_cast<double>(of_target);
}

// A row of logits in the type of sums: itself, or a copy beside the row.
template <class Element>
class WideRow {
 public:
  using Scalar = SumOf<Element>;

  explicit WideRow(std::int64_t V) : V_(V) {
    if (is_copy()) copy_.resize(static_cast<std::size_t>(V));
  }
  Scalar* of(Element* row) {
    if constexpr (is_copy()) {
      row_math::widen(copy_.data(), row, V_);
      return copy_.data();
    } else {
      return row;
    }
  }
  // Sets row = factor * x, x being what of() returned.
  void put(const Scalar* x, Scalar factor, Element* row) const {
    row_math::scale_to(row, x, V_, factor);
  }

 private:
  static constexpr bool is_copy() { return !std::is_same_v<Element, Scalar>; }

  std::int64_t V_;
  std::vector<Scalar> copy_;
};

// Replaces each row of logits by scale * (softmax - onehot(target)), or by zeros where the target
// is not counted; returns the rows' summed loss.
template <class Element>
double loss_rows(const at::Tensor& logits_NV, const std::int64_t* targets, double scale) {
  using Scalar = SumOf<Element>;
  const std::int64_t rows = logits_NV.size(0), V = logits_NV.size(1);
  auto* logits = logits_NV.mutable_data_ptr<Element>();
  const auto factor = static_cast<Scalar>(scale);
  std::vector<double> losses(static_cast<std::size_t>(rows), 0.0);
  at::parallel_for(0, rows, 1, [&](std::int64_t begin, std::int64_t end) {
    WideRow<Element> wide(V);
    for (std::int64_t row = begin; row < end; ++row) {
      Element* const out = logits + row * V;
      const std::int64_t target = targets[row];
      if (target < 0) {
        std::fill(out, out + V, Element(0));
        continue;
      }
      Scalar sum;
      Scalar* const x = wide.of(out);
      losses[static_cast<std::size_t>(row)] = row_loss(x, V, target, sum);
      const Scalar of_target = x[target] / sum - Scalar(1);
      wide.put(x, factor / sum, out);
      out[target] = static_cast<Element>(factor * of_target);
    }
  });
  double total = 0.0;
  for (const double loss : losses) total += loss;  // one fixed order
  return total;
}

template <class Element>
void log_probability_rows(const at::Tensor& logits_NV, const std::int64_t* targets, float* result) {
  const std::int64_t V = logits_NV.size(1);
  auto* logits = logits_NV.mutable_data_ptr<Element>();
  at::parallel_for(0, logits_NV.size(0), 1, [&](std::int64_t first, std::int64_t last) {
    WideRow<Element> wide(V);
    for (std::int64_t row = first; row < last; ++row) {
      SumOf<Element> sum;
      result[row] = static_cast<float>(-row_loss(wide.of(logits + row * V), V, targets[row], sum));
    }
  });
}

// Calls work with an element of the logits' type.
template <class Work>
auto for_element(const at::Tensor& logits_NV, const Work& work) {
  switch (logits_NV.scalar_type()) {
    case at::kDouble:
      return work(double());
    case at::kBFloat16:
      return work(c10::BFloat16());
    default:
      return work(float());
  }
}

// Scales and rounds softmax - onehot.
at::Tensor finished(const at::Tensor& gradient_NV, const LogitGradient& wanted) {
  if (wanted.scale != 1.0) gradient_NV.mul_(wanted.scale);
  return gradient_NV.to(wanted.dtype);
}

// The same from tensor operations.
RowLosses loss_composed(const at::Tensor& logits_NV, const at::Tensor& targets_N,
                        const LogitGradient& wanted) {
  const auto counted_N = targets_N.ge(0);
  const auto index_N1 = targets_N.clamp_min(0).unsqueeze(1);
  const auto log_p_NV = logits_NV.log_softmax(-1);
  const auto loss =
      log_p_NV.gather(1, index_N1).squeeze(1).neg().masked_fill(counted_N.logical_not(), 0.0).sum();
  const auto gradient_NV = log_p_NV.exp();
  gradient_NV.scatter_add_(1, index_N1,
                           at::empty(index_N1.sizes(), logits_NV.options()).fill_(-1.0));
  gradient_NV.masked_fill_(counted_N.logical_not().unsqueeze(1), 0.0);
  return {loss, finished(gradient_NV, wanted)};
}

RowLosses loss_on_cpu(const at::Tensor& logits_NV, const at::Tensor& targets_N,
                      const LogitGradient& wanted) {
  const auto* targets = targets_N.const_data_ptr<std::int64_t>();
  const double loss = for_element(logits_NV, [&](auto element) {
    return loss_rows<decltype(element)>(logits_NV, targets, wanted.scale);
  });
  return {at::empty({}, logits_NV.options().dtype(at::kDouble)).fill_(loss),
          logits_NV.to(wanted.dtype)};
}

at::Tensor log_probabilities_on_cpu(const at::Tensor& logits_NV, const at::Tensor& targets_N) {
  const at::Tensor result_N = at::empty({logits_NV.size(0)}, logits_NV.options().dtype(at::kFloat));
  for_element(logits_NV, [&](auto element) {
    log_probability_rows<decltype(element)>(logits_NV, targets_N.const_data_ptr<std::int64_t>(),
                                            result_N.mutable_data_ptr<float>());
  });
  return result_N;
}

at::Tensor log_probabilities_composed(const at::Tensor& logits_NV, const at::Tensor& targets_N) {
  return logits_NV.log_softmax(-1).gather(1, targets_N.unsqueeze(1)).squeeze(1);
}

constexpr std::array kCrossEntropyKernels{
    Kernel<CrossEntropyRun>{
        "a block a row on a GPU", takes_gpu_cross_entropy, {gpu_loss, gpu_log_probabilities}},
    Kernel<CrossEntropyRun>{
        "row by row on the CPU", takes_cpu, {loss_on_cpu, log_probabilities_on_cpu}},
    Kernel<CrossEntropyRun>{
        "composed operations", takes_all, {loss_composed, log_probabilities_composed}},
};

const CrossEntropyRun& run_for(const at::Tensor& features_ND, at::ScalarType dtype) {
  return kernel_for(cross_entropy_kernels(), {features_ND.device().type(), dtype}).run;
}

const LogitProducts& products_for(const at::Tensor& features_ND) {
  return kernel_for(logit_product_kernels(),
                    {features_ND.device().type(), features_ND.scalar_type()})
      .run;
}

// The CPU's rows take bfloat16 as it is; what is no float32 otherwise becomes it.
at::Tensor logits_to_score(const at::Tensor& logits_NV) {
  return takes_bfloat16_on_cpu({logits_NV.device().type(), logits_NV.scalar_type()})
             ? logits_NV
             : logits_NV.to(at::kFloat);
}

// Returns the weight with as many rows of zeros as logits of its kind need further columns.
at::Tensor with_whole_columns(const at::Tensor& weight_VD) {
  const std::int64_t V = weight_VD.size(0);
  const std::int64_t further =
      columns_of_logits(V, weight_VD.scalar_type(), weight_VD.device().type()) - V;
  return further == 0 ? weight_VD : at::constant_pad_nd(weight_VD, {0, 0, 0, further});
}

// Logits of some rows. The columns from V on have no probability, and hence no gradient.
at::Tensor logits_of(const at::Tensor& x_ND, const at::Tensor& weight_CD, std::int64_t V) {
  const at::Tensor logits_NC = products_for(x_ND).logits(x_ND, weight_CD);
  const std::int64_t further = logits_NC.size(1) - V;
  if (further > 0) logits_NC.narrow(1, V, further).fill_(-std::numeric_limits<double>::infinity());
  return logits_NC;
}

LossAndGradient loss_of(const SharedLoss& pass, at::Tensor* d_weight_CD) {
  const StepPart part("longspan::head and loss");
  const auto& [features_ND, weight_CD, V, targets_N, loss_scale] = pass;
  const auto dtype = sums_of(features_ND.scalar_type());
  const std::int64_t N = features_ND.size(0),
                     chunk = rows_of_logits_at_once(V, features_ND.scalar_type(),
                                                    features_ND.device().type());
  const auto& kernel = run_for(features_ND, dtype);
  const LogitGradient wanted{features_ND.scalar_type(), loss_scale};
  at::Tensor loss, d_features_ND;
  if (d_weight_CD != nullptr) d_features_ND = at::empty(features_ND.sizes(), features_ND.options());
  for (std::int64_t begin = 0; begin < N; begin += chunk) {
    const std::int64_t rows = std::min(chunk, N - begin);
    const auto x_ND = features_ND.narrow(0, begin, rows);
    const auto found =
        kernel.loss(logits_of(x_ND, weight_CD, V), targets_N.narrow(0, begin, rows), wanted);
    loss = loss.defined() ? loss + found.loss : found.loss.to(at::kDouble);
    if (d_weight_CD == nullptr) continue;
    auto d_x_ND = d_features_ND.narrow(0, begin, rows);
    product_out(d_x_ND, found.d_logits_NV, weight_CD);
    add_weight_gradient(*d_weight_CD, found.d_logits_NV, x_ND);
  }
  if (!loss.defined()) loss = at::zeros({}, features_ND.options().dtype(dtype));
  return {loss.to(dtype), d_features_ND};
}

struct LinearCrossEntropy : torch::autograd::Function<LinearCrossEntropy> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& features_ND, const at::Tensor& weight_VD,
                            const at::Tensor& targets_N, double loss_scale) {
    const bool wants_gradient = features_ND.requires_grad() || weight_VD.requires_grad();
    const std::int64_t V = weight_VD.size(0);
    const SharedLoss pass{features_ND, with_whole_columns(weight_VD), V, targets_N, loss_scale};
    at::Tensor d_weight_CD;
    if (wants_gradient)
      d_weight_CD = at::zeros(pass.weight_CD.sizes(),
                              weight_VD.options().dtype(sums_of(features_ND.scalar_type())));
    const auto found = loss_of(pass, wants_gradient ? &d_weight_CD : nullptr);
    context->save_for_backward(
        {found.d_features_ND, wants_gradient ? d_weight_CD.narrow(0, 0, V) : d_weight_CD});
    context->saved_data["loss_scale"] = loss_scale;
    context->saved_data["weight_dtype"] = static_cast<std::int64_t>(weight_VD.scalar_type());
    return found.loss;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const StepPart part("longspan::head and loss");
    const auto saved = context->get_saved_variables();
    const auto weight_dtype =
        static_cast<at::ScalarType>(context->saved_data["weight_dtype"].toInt());
    const auto scale = gradients[0].div(context->saved_data["loss_scale"].toDouble());
    return {saved[0].mul(scale.to(saved[0].scalar_type())),
            saved[1].mul(scale).to(weight_dtype),
            {},
            {}};
  }
};

}  // namespace

std::span<const Kernel<CrossEntropyRun>> cross_entropy_kernels() { return kCrossEntropyKernels; }

std::int64_t rows_of_logits_at_once(std::int64_t V, at::ScalarType dtype, c10::DeviceType device) {
  const std::int64_t elements = device != c10::kCPU      ? kGpuElements
                                : dtype == at::kBFloat16 ? kCpuBfloat16Elements
                                                         : kCpuElements;
  const std::int64_t rows =
      std::clamp(elements / std::max<std::int64_t>(V, 1), kFewestRows, kMostRows);
  return device == c10::kCPU || rows < kGpuTileRows ? rows : rows / kGpuTileRows * kGpuTileRows;
}

at::Tensor linear_cross_entropy(const at::Tensor& features_ND, const at::Tensor& weight_VD,
                                const at::Tensor& targets_N, double loss_scale) {
  return LinearCrossEntropy::apply(features_ND.contiguous(), weight_VD.contiguous(),
                                   targets_N.contiguous(), loss_scale);
}

LossAndGradient linear_cross_entropy(const SharedLoss& pass, at::Tensor* d_weight_CD) {
  const at::NoGradGuard no_gradient;
  const auto columns = columns_of_logits(pass.vocab_size, pass.features_ND.scalar_type(),
                                         pass.features_ND.device().type());
  check(pass.weight_CD.size(0) == columns, ErrorKind::Internal, "logits of ", pass.vocab_size,
        " ids must have ", columns, " columns, got a weight of ", pass.weight_CD.size(0), " rows");
  return loss_of(pass, d_weight_CD);
}

std::int64_t columns_of_logits(std::int64_t V, at::ScalarType dtype, c10::DeviceType device) {
  const bool is_whole = !c10::isReducedFloatingType(dtype) || gpu::launches_on(device) == nullptr;
  return is_whole ? V : ceil_divide(V, kGpuColumns) * kGpuColumns;
}

at::Tensor linear_log_probabilities(const at::Tensor& features_ND, const at::Tensor& weight_VD,
                                    const at::Tensor& targets_N) {
  const at::NoGradGuard no_gradient;
  const std::int64_t N = features_ND.size(0), V = weight_VD.size(0),
                     chunk = rows_of_logits_at_once(V, features_ND.scalar_type(),
                                                    features_ND.device().type());
  const auto& kernel = run_for(features_ND, at::kFloat);
  const auto& products = products_for(features_ND);
  at::Tensor result_N = at::empty({N}, features_ND.options().dtype(at::kFloat));
  for (std::int64_t begin = 0; begin < N; begin += chunk) {
    const std::int64_t rows = std::min(chunk, N - begin);
    const at::Tensor logits_NV =
        logits_to_score(products.logits(features_ND.narrow(0, begin, rows), weight_VD));
    const at::Tensor chunk_targets_N = targets_N.narrow(0, begin, rows).contiguous();
    result_N.narrow(0, begin, rows).copy_(kernel.log_probabilities(logits_NV, chunk_targets_N));
  }
  return result_N;
}

}  // namespace longspan
