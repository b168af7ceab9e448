// The gradient of a bias. LibTorch's sum of 2,048 columns of bfloat16 reads at a twentieth of the
// speed of memory.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "kernels/kernel_tables.h"
#include "kernels/row_math.h"
#include "longspan/kernels/weight_gradient.h"

namespace longspan {
namespace {

constexpr std::int64_t kFewestColumns = 64;  // that are worth a thread
// Rows that are summed one after another; the sums of these are added. It bounds the rounding.
constexpr std::int64_t kRowsOfASum = 256;

// A thread takes some columns of all rows.
at::Tensor sum_bfloat16_rows(const at::Tensor& x_NO) {
  const std::int64_t N = x_NO.size(0), O = x_NO.size(1), stride = x_NO.stride(0);
  at::Tensor sum_O = at::zeros({O}, x_NO.options().dtype(at::kFloat));
  const auto* const x = x_NO.const_data_ptr<c10::BFloat16>();
  auto* const sum = sum_O.mutable_data_ptr<float>();
  const std::vector<float> ones(static_cast<std::size_t>(std::min(N, kRowsOfASum)), 1.0F);
  at::parallel_for(0, O, kFewestColumns, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> part(static_cast<std::size_t>(end - begin));
    for (std::int64_t n = 0; n < N; n += kRowsOfASum) {
      const row_math::Rows<c10::BFloat16> rows{x + n * stride + begin, std::min(kRowsOfASum, N - n),
                                               end - begin, stride};
      row_math::combine_rows(part.data(), ones.data(), rows);
      for (std::int64_t i = begin; i < end; ++i)
        sum[i] += part[static_cast<std::size_t>(i - begin)];
    }
  });
  return sum_O;
}

at::Tensor sum_by_operator(const at::Tensor& x_NO) {
  return at::sum(x_NO, 0, /*keepdim=*/false, sums_of(x_NO.scalar_type()));
}

constexpr std::array kColumnSumKernels{
    Kernel<ColumnSumRun>{"rows of bfloat16 on the CPU", takes_bfloat16_on_cpu, sum_bfloat16_rows},
    Kernel<ColumnSumRun>{"an operator", takes_all, sum_by_operator},
};

}  // namespace

std::span<const Kernel<ColumnSumRun>> column_sum_kernels() { return kColumnSumKernels; }

at::Tensor column_sums(const at::Tensor& x_NO) {
  return kernel_for(column_sum_kernels(), {x_NO.device().type(), x_NO.scalar_type()})
      .run(x_NO.stride(1) == 1 ? x_NO : x_NO.contiguous());
}

}  // namespace longspan
