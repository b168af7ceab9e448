#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "unit/interop/pickle_writer.h"

namespace longspan::testing {

/// One entry of an archive; what it says of itself may be made to lie.
struct ZipEntry {
  std::string name, content;
  int method = 0;
  std::int64_t claimed_bytes = -1;  ///< in the directory, when it is not the content's size
  bool zip64 = false;
};

/// Returns an archive as PyTorch writes them: sizes in the directory alone, padding in the local
/// header.
inline std::string zip_archive(const std::vector<ZipEntry>& entries) {
  std::string file, directory;
  for (const ZipEntry& entry : entries) {
    const std::size_t local_at = file.size();
    const std::string padding(7, 'Z');
    file += "PK\x03\x04" + little_endian(0, 2) + little_endian(8, 2) + little_endian(0, 18) +
            little_endian(entry.name.size(), 2) + little_endian(padding.size(), 2) + entry.name +
            padding + entry.content + "PK\x07\x08" + std::string(12, '\0');
    const std::uint64_t bytes = entry.claimed_bytes < 0
                                    ? entry.content.size()
                                    : static_cast<std::uint64_t>(entry.claimed_bytes);
    const std::string extra = entry.zip64 ? little_endian(1, 2) + little_endian(24, 2) +
                                                little_endian(bytes, 8) + little_endian(bytes, 8) +
                                                little_endian(local_at, 8)
                                          : "";
    const std::uint64_t small = entry.zip64 ? 0xffffffff : bytes;
    directory += "PK\x01\x02" + little_endian(0, 4) + little_endian(8, 2) +
                 little_endian(static_cast<std::uint64_t>(entry.method), 2) + little_endian(0, 8) +
                 little_endian(small, 4) + little_endian(small, 4) +
                 little_endian(entry.name.size(), 2) + little_endian(extra.size(), 2) +
                 little_endian(0, 10) + little_endian(entry.zip64 ? 0xffffffff : local_at, 4) +
                 entry.name + extra;
  }
  const std::size_t at = file.size();
  return file + directory + "PK\x05\x06" + little_endian(0, 4) + little_endian(entries.size(), 2) +
         little_endian(entries.size(), 2) + little_endian(directory.size(), 4) +
         little_endian(at, 4) + little_endian(0, 2);
}

using Storages = std::map<std::string, std::string>;

/// Returns the bytes of numbers in their type.
template <class Number>
std::string raw(const std::vector<Number>& numbers) {
  std::string bytes(numbers.size() * sizeof(Number), '\0');
  if (!numbers.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

/// Returns a file in the newer container.
inline std::string zip_file(const std::string& object, const Storages& storages) {
  std::vector<ZipEntry> entries{{"archive/data.pkl", pickle(object)}};
  for (const auto& [key, bytes] : storages) entries.push_back({"archive/data/" + key, bytes});
  entries.push_back({"archive/version", "3\n"});
  return zip_archive(entries);
}

inline std::string magic_pickle() {
  return std::string("\x80\x02\x8a\x0a") + "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
}
inline std::string system_pickle(int little = 1) {
  return pickle(
      dict(text("protocol_version") + "M\xe9\x03" + text("little_endian") + boolean(little)));
}

/// Returns a file in the container before PyTorch 1.6. @param element_bytes of every storage
inline std::string old_file(const std::string& object, const Storages& storages,
                            std::size_t element_bytes = 4) {
  std::string keys, data;
  for (const auto& [key, bytes] : storages) {
    keys += text(key);
    data += little_endian(bytes.size() / element_bytes, 8) + bytes;
  }
  return magic_pickle() + pickle("M\xe9\x03") + system_pickle() + pickle(object) +
         pickle(list(keys)) + data;
}

/// Returns the pickled tuple of small numbers.
inline std::string numbers(const std::vector<std::int64_t>& values) {
  std::string items;
  for (const std::int64_t value : values) items += integer(value);
  return tuple(items);
}

}  // namespace longspan::testing
