// A table is a header of 16 bytes and 8 bytes a document; its digest stands in the manifest.
#include "data/document_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "data/manifest.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/inside.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "lspdocum";
constexpr std::uint32_t kVersion = 1, kByteOrderMark = 0x01020304;
constexpr std::int64_t kStride = 64;

/// The table as on disk.
struct TableHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t byte_order_mark;
};
static_assert(sizeof(TableHeader) == 16);

// Reading it all for its digest brings it into memory, so that a disk's error is none of a mapping.
std::string digest_of(const std::string& path) {
  try {
    return hash_of_file(path);
  } catch (const Error& cause) {
    std::throw_with_nested(Error(ErrorKind::Data, concat(path,
                                                         ": a table of documents must be "
                                                         "readable, got: ",
                                                         cause.what(), kPrepareAgain)));
  }
}

std::span<const std::int64_t> rows_of(const MappedFile& file, const std::string& path,
                                      std::size_t count) {
  const auto bytes = file.bytes();
  TableHeader header{};
  check(bytes.size() >= sizeof header && (bytes.size() - sizeof header) / 8 == count &&
            (bytes.size() - sizeof header) % 8 == 0,
        ErrorKind::Data, path, ": a table of ", count, " documents must have ", sizeof header,
        " bytes and 8 for each, found ", bytes.size(), " bytes", kPrepareAgain);
  file.load(0, bytes.size());
  std::memcpy(&header, bytes.data(), sizeof header);
  check(std::string_view(header.magic.data(), header.magic.size()) == kMagic, ErrorKind::Data, path,
        ": must be a table of documents, which starts with '", kMagic, "', found other bytes",
        kPrepareAgain);
  check(header.version == kVersion && header.byte_order_mark == kByteOrderMark, ErrorKind::Data,
        path, ": version and byte order mark of the table must be ", kVersion, " and ",
        kByteOrderMark, ", found ", header.version, " and ", header.byte_order_mark, kPrepareAgain);
  return {reinterpret_cast<const std::int64_t*>(bytes.data() + sizeof header), count};
}

}  // namespace

std::shared_ptr<const DocumentTable> DocumentTable::read(const fs::path& folder,
                                                         const Json& documents,
                                                         std::int64_t num_tokens) {
  const auto name = documents.at("table").get<std::string>();
  const auto inside = path_inside(folder, name);
  longspan::check(inside.has_value(), ErrorKind::Data, (folder / kManifestFile).string(),
                  ": table must be a path inside the folder, got ", name, kPrepareAgain);
  const std::string path = inside->string();
  std::shared_ptr<DocumentTable> table(new DocumentTable(num_tokens));
  table->path_ = path;
  table->digest_ = documents.at("digest").get<std::string>();
  table->verify();
  table->file_.emplace(path);
  const std::int64_t count = whole_number(documents, "count");
  table->begins_ = rows_of(*table->file_, path, static_cast<std::size_t>(count));
  table->check(path);
  return table;
}

std::shared_ptr<const DocumentTable> DocumentTable::from_begins(std::vector<std::int64_t> begins,
                                                                std::int64_t num_tokens) {
  std::shared_ptr<DocumentTable> table(new DocumentTable(num_tokens));
  table->in_memory_ = std::move(begins);
  table->begins_ = table->in_memory_;
  table->check("the table");
  return table;
}

void DocumentTable::verify() const {
  const std::string found = digest_of(path_);
  longspan::check(found == digest_, ErrorKind::Data, path_,
                  ": the table of documents is damaged: its digest must be ", digest_, ", found ",
                  found, kPrepareAgain);
}

void DocumentTable::check(const std::string& path) const {
  const bool rises =
      std::ranges::adjacent_find(begins_, std::ranges::greater_equal()) == begins_.end();
  longspan::check(rises && !begins_.empty() && begins_.front() == 0 && begins_.back() < num_tokens_,
                  ErrorKind::Data, path, ": places of documents must rise from 0 and stay below ",
                  num_tokens_, kPrepareAgain);
}

std::int64_t DocumentTable::of_token(std::int64_t token) const {
  return std::ranges::upper_bound(begins_, token) - begins_.begin() - 1;
}

DocumentTableWriter::DocumentTableWriter(fs::path folder, const std::string& split)
    : folder_(std::move(folder)), name_(split + ".documents"), writer_(folder_ / name_) {
  TableHeader header{{}, kVersion, kByteOrderMark};
  std::memcpy(header.magic.data(), kMagic.data(), kMagic.size());
  writer_.write(std::as_bytes(std::span(&header, 1)));
}

void DocumentTableWriter::add(std::int64_t begin) {
  if (last_ == begin) return;
  write_last();
  last_ = begin;
}

void DocumentTableWriter::write_last() {
  if (!last_) return;
  writer_.write(std::as_bytes(std::span(&*last_, 1)));
  ++count_;
}

Json DocumentTableWriter::finish(std::int64_t num_tokens) {
  if (last_ == num_tokens) last_.reset();
  write_last();
  writer_.close_durably();
  return {{"table", name_}, {"count", count_}, {"digest", hash_of_file(folder_ / name_)}};
}

DocumentCut::DocumentCut(std::shared_ptr<const DocumentTable> documents, std::int64_t seq_len)
    : documents_(std::move(documents)), seq_len_(seq_len) {
  for (std::int64_t i = 0; i < documents_->count(); ++i) {
    if (i % kStride == 0) first_blocks_.push_back(num_blocks_);
    num_blocks_ += blocks_of(i);
  }
}

std::int64_t DocumentCut::blocks_of(std::int64_t document) const {
  return ceil_divide(documents_->end(document) - documents_->begin(document), seq_len_);
}

DocumentCut::Block DocumentCut::block(std::int64_t number) const {
  const auto sample = std::ranges::upper_bound(first_blocks_, number) - first_blocks_.begin() - 1;
  std::int64_t document = sample * kStride;
  number -= first_blocks_[static_cast<std::size_t>(sample)];
  for (std::int64_t count = 0; count = blocks_of(document), number >= count; ++document)
    number -= count;
  const std::int64_t begin = documents_->begin(document) + number * seq_len_;
  return {begin, std::min(seq_len_, documents_->end(document) - begin)};
}

}  // namespace longspan
