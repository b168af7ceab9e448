#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "longspan/core/files.h"
#include "longspan/core/json.h"

namespace longspan {

/// A table beside a manifest: a header of 16 bytes, then rows; the manifest has its name, the
/// number of rows and its digest.
struct TableKind {
  std::string_view magic;  ///< of 8 bytes
  std::string_view rows;   ///< what they are, in errors
};
inline constexpr std::size_t kTableHeaderBytes = 16;

void write_table_header(FileWriter& writer, const TableKind& kind);
/// Returns what the manifest says of a table that is written.
Json describe_table(const std::filesystem::path& folder, const std::string& name,
                    std::size_t count);
/// Returns where a table lies. @throws Error(Data) for a path that leaves the folder
std::string table_path(const std::filesystem::path& folder, const Json& described);
/// Reads all of a table, which so is in memory, and holds it against its digest. @throws
/// Error(Data)
void check_table_digest(const std::string& path, const std::string& expected,
                        const TableKind& kind);
/// Returns the bytes of a table's rows, behind a header of its kind. @throws Error(Data)
std::span<const std::byte> table_rows(const MappedFile& file, const std::string& path,
                                      const TableKind& kind);

}  // namespace longspan
