// Dropout whose mask is a function of (seed, step, site, row, column). Nothing is kept for
// backward: the mask is drawn again.

#include "longspan/kernels/dropout.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "kernels/gpu/row_tensors.h"
#include "kernels/kernel_tables.h"
#include "longspan/core/error.h"
#include "longspan/core/random.h"
#include "longspan/kernels/step_part.h"
#ifdef LONGSPAN_WITH_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/cuda/dropout.h"
#endif

namespace longspan {
namespace {

constexpr int kPositionBits = 24;
constexpr int kHeadShift = 20;

template <class Scalar, class Mask>
at::Tensor multiply_rows(const at::Tensor& x_ND, const at::Tensor& row_ids_N,
                         const DropoutRule& rule) {
  const at::Tensor out_ND = at::empty(x_ND.sizes(), x_ND.options());
  const std::int64_t width = x_ND.size(1);
  const auto* x = x_ND.const_data_ptr<Scalar>();
  auto* out = out_ND.mutable_data_ptr<Scalar>();
  const auto* row_ids = row_ids_N.const_data_ptr<std::int64_t>();
  const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, width));
  at::parallel_for(0, x_ND.size(0), grain, [&](std::int64_t begin, std::int64_t end) {
    RowMasks<Mask> masks(rule, row_ids, width);
    for (std::int64_t row = begin; row < end; ++row) {
      const Mask* const mask = masks.of(row);
      for (std::int64_t i = 0; i < width; ++i) {
        const std::int64_t at = row * width + i;
        out[at] = static_cast<Scalar>(static_cast<Mask>(x[at]) * mask[i]);
      }
    }
  });
  return out_ND;
}

at::Tensor multiply_on_cpu(const at::Tensor& x_ND, const at::Tensor& row_ids_N,
                           const DropoutRule& rule) {
  switch (x_ND.scalar_type()) {
    case at::kFloat:
      return multiply_rows<float, float>(x_ND, row_ids_N, rule);
    case at::kDouble:
      return multiply_rows<double, double>(x_ND, row_ids_N, rule);
    case at::kBFloat16:
      return multiply_rows<at::BFloat16, float>(x_ND, row_ids_N, rule);
    case at::kHalf:
      return multiply_rows<at::Half, float>(x_ND, row_ids_N, rule);
    default:
      unreachable();
  }
}

at::Tensor multiply_by_whole_masks(const at::Tensor& x_ND, const at::Tensor& row_ids_N,
                                   const DropoutRule& rule) {
  return (x_ND * dropout_multipliers(row_ids_N, x_ND.size(1), rule, x_ND.scalar_type()))
      .to(x_ND.dtype());
}

constexpr std::array kDropoutKernels{
    Kernel<DropoutRun>{"16 bytes a thread on the GPU", gpu::takes_rows, gpu_dropout},
    Kernel<DropoutRun>{"row by row on the CPU", takes_cpu, multiply_on_cpu},
    Kernel<DropoutRun>{"whole masks", takes_all, multiply_by_whole_masks},
};

at::Tensor multiply(const at::Tensor& x, const at::Tensor& row_ids, const DropoutRule& rule) {
  const StepPart part("longspan::dropout");
  const at::Tensor x_ND = x.reshape({-1, x.size(-1)}).contiguous();
  const at::Tensor row_ids_N = row_ids.reshape({-1}).contiguous();
  check(row_ids_N.numel() == x_ND.size(0), ErrorKind::Internal,
        "dropout needs one row id for each of ", x_ND.size(0), " rows, got ", row_ids_N.numel());
  const KernelCase wanted{
      .device = x.device().type(), .dtype = x.scalar_type(), .width = x_ND.size(1)};
  return kernel_for(dropout_kernels(), wanted).run(x_ND, row_ids_N, rule).view(x.sizes());
}

struct CountedDropout : torch::autograd::Function<CountedDropout> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& row_ids, double p, std::int64_t seed,
                            std::int64_t step, std::int64_t site) {
    context->save_for_backward({row_ids});
    context->saved_data["p"] = p;
    context->saved_data["seed"] = seed;
    context->saved_data["step"] = step;
    context->saved_data["site"] = site;
    const DropoutKey key{static_cast<std::uint64_t>(seed), step, static_cast<std::uint64_t>(site)};
    return multiply(x, row_ids, {p, key});
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    auto& saved = context->saved_data;
    const DropoutKey key{static_cast<std::uint64_t>(saved["seed"].toInt()), saved["step"].toInt(),
                         static_cast<std::uint64_t>(saved["site"].toInt())};
    const DropoutRule rule{saved["p"].toDouble(), key};
    return {multiply(gradients[0], context->get_saved_variables()[0], rule), {}, {}, {}, {}, {}};
  }
};

template <class Scalar>
void draw_rows(const at::Tensor& out_ND, const at::Tensor& row_ids_N, const DropoutRule& rule) {
  const std::int64_t width = out_ND.size(1);
  auto* const out = out_ND.mutable_data_ptr<Scalar>();
  const auto* ids = row_ids_N.const_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < out_ND.size(0); ++row)
    row_math::draw_mask(out + row * width, width, row_mask(rule, ids[row]));
}

at::Tensor draw_on_cpu(const at::Tensor& row_ids_N, std::int64_t width, const DropoutRule& rule,
                       at::ScalarType dtype) {
  const at::Tensor ids_N = row_ids_N.cpu();
  const at::Tensor out_ND = at::empty({ids_N.numel(), width}, ids_N.options().dtype(dtype));
  if (dtype == at::kDouble)
    draw_rows<double>(out_ND, ids_N, rule);
  else
    draw_rows<float>(out_ND, ids_N, rule);
  return out_ND.to(row_ids_N.device());
}

#ifdef LONGSPAN_WITH_CUDA
bool takes_cuda(const KernelCase& wanted) { return wanted.device == c10::kCUDA; }

template <class Scalar>
void draw_rows_on_gpu(const at::Tensor& out_ND, const at::Tensor& row_ids_N,
                      const DropoutRule& rule) {
  const auto mask = row_mask(rule, 0);
  const cuda::MaskRows<Scalar> rows{out_ND.mutable_data_ptr<Scalar>(),
                                    row_ids_N.const_data_ptr<std::int64_t>(), out_ND.size(0),
                                    out_ND.size(1)};
  const cuda::MaskNumbers numbers{mask.key, mask.counter.x[2], mask.counter.x[3], mask.keep};
  cuda::draw_masks(rows, numbers, c10::cuda::getCurrentCUDAStream().stream());
}

at::Tensor draw_on_gpu(const at::Tensor& row_ids_N, std::int64_t width, const DropoutRule& rule,
                       at::ScalarType dtype) {
  const c10::cuda::CUDAGuard of_rows(row_ids_N.device());
  const at::Tensor out_ND = at::empty({row_ids_N.numel(), width}, row_ids_N.options().dtype(dtype));
  if (dtype == at::kDouble)
    draw_rows_on_gpu<double>(out_ND, row_ids_N, rule);
  else
    draw_rows_on_gpu<float>(out_ND, row_ids_N, rule);
  return out_ND;
}
#endif

constexpr std::array kMaskKernels{
#ifdef LONGSPAN_WITH_CUDA
    Kernel<MaskRun>{"drawn on the GPU", takes_cuda, draw_on_gpu},
#endif
    Kernel<MaskRun>{"drawn on the CPU", takes_all, draw_on_cpu},
};

}  // namespace

std::span<const Kernel<DropoutRun>> dropout_kernels() { return kDropoutKernels; }
std::span<const Kernel<MaskRun>> mask_kernels() { return kMaskKernels; }

std::uint32_t keep_threshold(double p) {
  return static_cast<std::uint32_t>(std::lround((1.0 - p) * 65536.0));
}

row_math::RowMask row_mask(const DropoutRule& rule, std::int64_t row_id) {
  const auto row = static_cast<std::uint64_t>(row_id);
  return {{{static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(row >> 32),
            static_cast<std::uint32_t>(rule.key.step),
            static_cast<std::uint32_t>(rule.head) << kHeadShift}},
          random_key(rule.key.seed, RandomPurpose::Dropout, rule.key.site),
          keep_threshold(rule.p)};
}

at::Tensor dropout_multipliers(const at::Tensor& row_ids_N, std::int64_t width,
                               const DropoutRule& rule, at::ScalarType dtype) {
  const KernelCase wanted{row_ids_N.device().type(), dtype == at::kDouble ? dtype : at::kFloat};
  return kernel_for(mask_kernels(), wanted).run(row_ids_N, width, rule, wanted.dtype);
}

at::Tensor dropout_row_ids(const at::Tensor& sequence_ids_B, std::int64_t first_position,
                           std::int64_t num_positions) {
  check(first_position + num_positions <= (std::int64_t{1} << kPositionBits), ErrorKind::Internal,
        "dropout counts positions below 2^24, got ", first_position + num_positions);
  const auto positions_T =
      at::arange(first_position, first_position + num_positions, sequence_ids_B.options());
  return sequence_ids_B.mul(std::int64_t{1} << kPositionBits).unsqueeze(1).add(positions_T);
}

at::Tensor counted_dropout(const at::Tensor& x, const at::Tensor& row_ids, double p,
                           const DropoutKey& key) {
  if (p == 0.0) return x;
  return CountedDropout::apply(x, row_ids, p, static_cast<std::int64_t>(key.seed), key.step,
                               static_cast<std::int64_t>(key.site));
}

}  // namespace longspan
