#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <c10/core/ScalarType.h>

namespace longspan::checkpoint {

/// What a safetensors header says of one tensor. Its bytes are [begin, end) of the data behind the
/// header.
struct TensorEntry {
  std::string name;
  c10::ScalarType dtype = c10::ScalarType::Float;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Returns the length field and the header, padded with spaces so that the data starts at a
/// multiple of 64 bytes.
std::string format_header(const std::vector<TensorEntry>& entries,
                          const std::map<std::string, std::string>& metadata);

/// A header that was read.
struct Header {
  std::vector<TensorEntry>
      entries;  ///< in the order of their bytes, which they cover without gap or overlap
  std::size_t data_begin = 0;
};

/// Reads a header and proves that every tensor lies inside the file. Nothing in the bytes is
/// trusted.
/// @param source names the file in errors  @throws Error(Checkpoint)
Header parse_header(std::span<const std::byte> file, const std::string& source);

/// Returns the format's name of a type. @throws Error(Internal) for one that the format does not
/// have here
std::string dtype_name(c10::ScalarType type);

}  // namespace longspan::checkpoint
