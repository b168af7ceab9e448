// A table is a header of 16 bytes and 24 bytes a shard; its digest stands in the manifest.
#include "data/shard_list.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>
#include <span>

#include "data/manifest.h"
#include "data/table_file.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

constexpr TableKind kKind{"lsptable", "shards"};
constexpr std::int64_t kMostTokens = std::int64_t{1} << 50;  // of a split

/// The table's rows as on disk.
struct TableRow {
  std::int64_t num_tokens;
  Digest digest;
};
static_assert(sizeof(TableRow) == 24);

}  // namespace

std::string shard_name(const std::string& split, std::size_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "-%05zu", number);
  return split + digits + ".bin";
}

void ShardList::add(std::int64_t num_tokens, const Digest& digest) {
  ends_.push_back(this->num_tokens() + num_tokens);
  digests_.push_back(digest);
}

void ShardList::add_checked(std::int64_t num_tokens, const Digest& digest,
                            const std::string& source) {
  check(num_tokens > 0 && num_tokens <= kMostTokens - this->num_tokens(), ErrorKind::Data, source,
        ": shard ", size(), " must have from 1 to ", kMostTokens - this->num_tokens(),
        " tokens, found ", num_tokens, kPrepareAgain);
  add(num_tokens, digest);
}

Json ShardList::write(const fs::path& folder) const {
  if (size() <= kMostInManifest) {
    Json entries = Json::array();
    for (std::size_t i = 0; i < size(); ++i)
      entries.push_back(
          {{"file", file(i)}, {"tokens", num_tokens(i)}, {"digest", digest_text(digest(i))}});
    return entries;
  }
  const std::string name = split_ + ".shards";
  FileWriter writer(folder / name);
  write_table_header(writer, kKind);
  for (std::size_t i = 0; i < size(); ++i) {
    const TableRow row{num_tokens(i), digest(i)};
    writer.write(std::as_bytes(std::span(&row, 1)));
  }
  writer.close_durably();
  return describe_table(folder, name, size());
}

ShardList ShardList::read(const fs::path& folder, const std::string& split, const Json& shards) {
  ShardList list(split);
  const std::string source = (folder / kManifestFile).string();
  if (shards.is_array())
    list.read_entries(shards, source);
  else
    list.read_table(folder, shards);
  return list;
}

void ShardList::read_entries(const Json& entries, const std::string& source) {
  for (const Json& entry : entries) {
    const auto digest = digest_bytes(entry.at("digest").get<std::string>());
    check(digest.has_value(), ErrorKind::Data, source, ": a shard's digest must have 32 digits",
          kPrepareAgain);
    add_checked(whole_number(entry, "tokens"), *digest, source);
    files_.push_back(entry.at("file").get<std::string>());
  }
}

void ShardList::read_table(const fs::path& folder, const Json& table) {
  const auto count = static_cast<std::size_t>(whole_number(table, "count"));
  const std::string path = table_path(folder, table);
  check_table_digest(path, table.at("digest").get<std::string>(), kKind);
  const MappedFile file(path);
  const auto rows = table_rows(file, path, kKind);
  check(rows.size() % sizeof(TableRow) == 0 && rows.size() / sizeof(TableRow) == count,
        ErrorKind::Data, path, ": the table must list ", count, " shards in ", sizeof(TableRow),
        " bytes each, found ", rows.size(), " bytes", kPrepareAgain);
  ends_.reserve(count);
  digests_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    TableRow row{};
    std::memcpy(&row, rows.data() + i * sizeof row, sizeof row);
    add_checked(row.num_tokens, row.digest, path);
  }
}

std::string ShardList::file(std::size_t shard) const {
  return files_.empty() ? shard_name(split_, shard) : files_[shard];
}

std::size_t ShardList::shard_of(std::int64_t token) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(ends_, token) - ends_.begin());
}

}  // namespace longspan
