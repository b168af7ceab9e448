#include "device/cuda/properties.h"

namespace longspan::cuda {

std::string model_name(int index) {
  cudaDeviceProp properties{};
  return cudaGetDeviceProperties(&properties, index) == cudaSuccess ? properties.name : "GPU";
}

}  // namespace longspan::cuda
