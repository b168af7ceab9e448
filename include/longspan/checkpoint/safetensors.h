#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "longspan/core/named_tensors.h"

namespace longspan {

/// What ends the errors of a damaged file: right for a run's checkpoint, to be replaced for
/// another.
inline constexpr std::string_view kDamagedRemedy =
    "; the file is damaged or was changed: use another checkpoint of the run";

/// Writes tensors in the safetensors format (8-byte header length, JSON header, raw little-endian
/// bytes), data 64-byte aligned. Tensors are written contiguous from the CPU. The file is complete
/// and synced on return.
/// @throws Error(Checkpoint) when the disk refuses
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// Reads all tensors of a file into memory of their own, in file order.
/// @throws Error(Checkpoint) for a header that is damaged, overlaps, points outside or has an
/// unknown dtype
NamedTensors read_safetensors(const std::filesystem::path& path);

}  // namespace longspan
