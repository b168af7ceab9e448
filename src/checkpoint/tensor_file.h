#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "checkpoint/manifest.h"
#include "longspan/core/named_tensors.h"

namespace longspan::checkpoint {

/// Writes a safetensors file, synced, and returns its size and checksum under the name `name`.
/// @param when_written is told the bytes of each tensor
ManifestFile write_tensor_file(const std::filesystem::path& path, const std::string& name,
                               const NamedTensors& tensors,
                               const std::map<std::string, std::string>& metadata,
                               const std::function<void(std::int64_t)>& when_written = {});
/// Copies the tensors out of the bytes of a safetensors file. @param source names the file in
/// errors
NamedTensors read_tensor_bytes(std::span<const std::byte> file, const std::string& source);

}  // namespace longspan::checkpoint
