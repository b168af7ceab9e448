#pragma once

#include <cuda_runtime_api.h>

#include "kernels/gpu/element.h"

namespace longspan::cuda {

/// Throws Error(Internal) that names the kernel when a call failed.
void check(cudaError_t code, const char* kernel);

#ifdef __CUDACC__
/// Starts a kernel with shared memory beyond the usual 48 KiB.
template <class... Parameters, class... Arguments>
void start(const char* name, void (*kernel)(Parameters...), dim3 grid, int threads,
           int shared_bytes, void* stream, const Arguments&... arguments) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes),
        name);
  kernel<<<grid, threads, static_cast<std::size_t>(shared_bytes),
           static_cast<cudaStream_t>(stream)>>>(arguments...);
  check(cudaGetLastError(), name);
}
#endif

}  // namespace longspan::cuda
