#include "kernels/kernel_tables.h"

#include "kernels/gpu/launches.h"

namespace longspan {

bool takes_lone_cpu(const KernelCase& wanted) {
  return takes_cpu(wanted) && gpu::launches_on(wanted.device) == nullptr;
}

bool takes_bfloat16_on_cpu(const KernelCase& wanted) {
  return takes_lone_cpu(wanted) && wanted.dtype == at::kBFloat16;
}

bool takes_cpu_rows(const KernelCase& wanted) {
  return takes_lone_cpu(wanted) && wanted.width > 0 &&
         (wanted.dtype == at::kFloat || wanted.dtype == at::kBFloat16);
}

}  // namespace longspan
