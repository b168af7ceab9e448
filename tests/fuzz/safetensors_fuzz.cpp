// A safetensors file.
#include <span>

#include "checkpoint/tensor_file.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  return fuzz::accept_or_refuse([&] { checkpoint::read_tensor_bytes(bytes, "input"); });
}
