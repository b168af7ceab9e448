#include "kernels/cuda/start.h"
#include "longspan/core/error.h"

namespace longspan::cuda {

void check(cudaError_t code, const char* kernel) {
  longspan::check(code == cudaSuccess, ErrorKind::Internal, "CUDA cannot start the kernel ", kernel,
                  ": ", cudaGetErrorString(code));
}

}  // namespace longspan::cuda
