// What the tables of a shard folder have in common.
#include "data/table_file.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "data/manifest.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/inside.h"

namespace longspan {
namespace {

constexpr std::uint32_t kVersion = 1, kTableByteOrder = 0x01020304;

/// As on disk.
struct TableHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t byte_order_mark;
};
static_assert(sizeof(TableHeader) == kTableHeaderBytes);

std::string digest_of(const std::string& path, const TableKind& kind) {
  try {
    return hash_of_file(path);
  } catch (const Error& cause) {
    std::throw_with_nested(
        Error(ErrorKind::Data, concat(path, ": a table of ", kind.rows,
                                      " must be readable, got: ", cause.what(), kPrepareAgain)));
  }
}

}  // namespace

void write_table_header(FileWriter& writer, const TableKind& kind) {
  TableHeader header{{}, kVersion, kTableByteOrder};
  std::memcpy(header.magic.data(), kind.magic.data(), header.magic.size());
  writer.write(std::as_bytes(std::span(&header, 1)));
}

Json describe_table(const std::filesystem::path& folder, const std::string& name,
                    std::size_t count) {
  return {{"table", name}, {"count", count}, {"digest", hash_of_file(folder / name)}};
}

std::string table_path(const std::filesystem::path& folder, const Json& described) {
  const auto name = described.at("table").get<std::string>();
  const auto inside = path_inside(folder, name);
  check(inside.has_value(), ErrorKind::Data, (folder / kManifestFile).string(),
        ": table must be a path inside the folder, got ", name, kPrepareAgain);
  return inside->string();
}

void check_table_digest(const std::string& path, const std::string& expected,
                        const TableKind& kind) {
  const std::string found = digest_of(path, kind);
  check(found == expected, ErrorKind::Data, path, ": the table of ", kind.rows,
        " is damaged: its digest must be ", expected, ", found ", found, kPrepareAgain);
}

std::span<const std::byte> table_rows(const MappedFile& file, const std::string& path,
                                      const TableKind& kind) {
  const auto bytes = file.bytes();
  TableHeader header{};
  check(bytes.size() >= sizeof header, ErrorKind::Data, path, ": a table of ", kind.rows,
        " must have ", sizeof header, " bytes at least, found ", bytes.size(), kPrepareAgain);
  file.load(0, bytes.size());
  std::memcpy(&header, bytes.data(), sizeof header);
  check(std::string_view(header.magic.data(), header.magic.size()) == kind.magic, ErrorKind::Data,
        path, ": must be a table of ", kind.rows, ", which starts with '", kind.magic,
        "', found other bytes", kPrepareAgain);
  check(header.version == kVersion && header.byte_order_mark == kTableByteOrder, ErrorKind::Data,
        path, ": version and byte order mark of the table must be ", kVersion, " and ",
        kTableByteOrder, ", found ", header.version, " and ", header.byte_order_mark,
        kPrepareAgain);
  return bytes.subspan(sizeof header);
}

}  // namespace longspan
