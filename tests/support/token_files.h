#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/core/files.h"

namespace longspan::testing {

using Ids = std::vector<std::int64_t>;

/// Appends the low bytes of a number, the lowest first.
inline void append_number(std::string& bytes, std::uint64_t number, int count) {
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(number >> (8 * i) & 255);
}

/// Returns ids of a number of bytes each, as nanoGPT writes them where it is two.
inline std::string plain_ids(std::span<const std::int64_t> ids, int width = 2) {
  std::string bytes;
  for (const std::int64_t id : ids) append_number(bytes, static_cast<std::uint64_t>(id), width);
  return bytes;
}

/// Returns a file of llm.c: of GPT-2's ids in two bytes, or of Llama 3's in four.
inline std::string llmc_file(std::span<const std::int64_t> ids, int width = 2) {
  std::string bytes;
  append_number(bytes, width == 2 ? 20240520 : 20240801, 4);
  append_number(bytes, width == 2 ? 1 : 7, 4);
  append_number(bytes, ids.size(), 4);
  bytes.resize(1024, '\0');
  return bytes + plain_ids(ids, width);
}

/// Returns an index over sequences of these sizes. @param documents first sequence of each, then
/// how many there are; empty for fairseq's index, which has none
inline std::string index_file(int code, int width, const std::vector<std::int64_t>& sizes,
                              const std::vector<std::int64_t>& documents) {
  std::string bytes("MMIDIDX\0\0", 9);
  append_number(bytes, 1, 8);
  append_number(bytes, static_cast<std::uint64_t>(code), 1);
  append_number(bytes, sizes.size(), 8);
  if (!documents.empty()) append_number(bytes, documents.size(), 8);
  std::uint64_t place = 0;
  for (const std::int64_t size : sizes) append_number(bytes, static_cast<std::uint64_t>(size), 4);
  for (const std::int64_t size : sizes) {
    append_number(bytes, place, 8);
    place += static_cast<std::uint64_t>(size * width);
  }
  for (const std::int64_t first : documents)
    append_number(bytes, static_cast<std::uint64_t>(first), 8);
  return bytes;
}

/// Writes ids as FOLDER/NAME.bin, in a format of TokenFormat by its name, cut into sequences of
/// seven where it has an index. @return the path of the .bin
inline std::string write_token_file(const std::filesystem::path& folder, const std::string& name,
                                    std::string_view format, std::span<const std::int64_t> ids) {
  const std::filesystem::path path = folder / (name + ".bin");
  const bool has_index = format == "megatron" || format == "fairseq";
  write_file_durably(path, format == "llm.c" ? llmc_file(ids) : plain_ids(ids));
  if (!has_index) return path.string();
  std::vector<std::int64_t> sizes, documents;
  for (std::size_t begin = 0; begin < ids.size(); begin += 7) {
    if (format == "megatron" && sizes.size() % 3 == 0)
      documents.push_back(static_cast<std::int64_t>(sizes.size()));
    sizes.push_back(static_cast<std::int64_t>(std::min<std::size_t>(7, ids.size() - begin)));
  }
  if (format == "megatron") documents.push_back(static_cast<std::int64_t>(sizes.size()));
  write_file_durably(folder / (name + ".idx"), index_file(8, 2, sizes, documents));
  return path.string();
}

}  // namespace longspan::testing
