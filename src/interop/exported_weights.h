#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "interop/weight_map.h"

namespace longspan::interop {

/// How weights go to files.
struct WeightFiles {
  at::ScalarType dtype;
  std::int64_t max_file_bytes;  ///< a tensor that is larger has a file of its own
};

/// Returns a tensor in another type. @throws Error(Config) for numbers that overflow it,
/// Error(Numeric) for those that are not finite
at::Tensor converted(const std::string& name, const at::Tensor& tensor, at::ScalarType dtype);

/// Writes model.safetensors, or several files and their index as transformers has them.
/// @throws Error(Config) for numbers that overflow dtype, Error(Numeric) for those that are not
/// finite, Error(Checkpoint) when the disk refuses
void write_weight_files(const std::filesystem::path& folder, const std::vector<WeightRow>& rows,
                        const NamedTensors& ours, const WeightFiles& files);

}  // namespace longspan::interop
