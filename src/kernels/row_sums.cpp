// The gradient of an embedding. Without a kernel of its own it is a whole matrix, mostly zeros,
// that is then added to the sum.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/embedding_dense_backward.h>

#include "kernels/kernel_tables.h"
#include "longspan/core/error.h"
#include "longspan/kernels/weight_gradient.h"

namespace longspan {
namespace {

constexpr std::int64_t kFewestElements = 1 << 15;  // that are worth a thread

// A thread takes some columns of all rows.
void add_on_cpu(at::Tensor& sum_VD, const at::Tensor& ids_N, const at::Tensor& rows_ND) {
  const std::int64_t N = rows_ND.size(0), D = rows_ND.size(1);
  auto* const sums = sum_VD.mutable_data_ptr<float>();
  const auto* const ids = ids_N.const_data_ptr<std::int64_t>();
  const auto* const rows = rows_ND.const_data_ptr<float>();
  const std::int64_t fewest_columns = kFewestElements / std::max<std::int64_t>(N, 1) + 1;
  at::parallel_for(0, D, fewest_columns, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = 0; n < N; ++n) {
      float* const sum = sums + ids[n] * D;
      const float* const row = rows + n * D;
      for (std::int64_t i = begin; i < end; ++i) sum[i] += row[i];
    }
  });
}

void add_dense(at::Tensor& sum_VD, const at::Tensor& ids_N, const at::Tensor& rows_ND) {
  sum_VD.add_(at::embedding_dense_backward(rows_ND, ids_N, sum_VD.size(0), /*padding_idx=*/-1,
                                           /*scale_grad_by_freq=*/false));
}

constexpr std::array kRowSumKernels{
    Kernel<RowSumRun>{"row by row on the CPU", takes_lone_cpu, add_on_cpu},
    Kernel<RowSumRun>{"a dense gradient", takes_all, add_dense},
};

}  // namespace

std::span<const Kernel<RowSumRun>> row_sum_kernels() { return kRowSumKernels; }

void add_rows(at::Tensor& sum_VD, const at::Tensor& ids_N, const at::Tensor& rows_ND) {
  check(sum_VD.scalar_type() == at::kFloat && sum_VD.is_contiguous() &&
            rows_ND.scalar_type() == at::kFloat,
        ErrorKind::Internal, "rows and their sum must be float32, got ", rows_ND.scalar_type(),
        " and ", sum_VD.scalar_type());
  kernel_for(row_sum_kernels(), {sum_VD.device().type(), at::kFloat})
      .run(sum_VD, ids_N.contiguous(), rows_ND.contiguous());
}

}  // namespace longspan
