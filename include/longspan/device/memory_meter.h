#pragma once

#include <cstdint>
#include <functional>

namespace longspan {

/// Runs `work` and returns the greatest number of bytes that tensors held beyond what they held at
/// its start, on any device. Counts LibTorch's allocators on this thread and on those that backward
/// uses; scratch memory of other libraries is not seen.
std::int64_t peak_tensor_bytes(const std::function<void()>& work);

}  // namespace longspan
