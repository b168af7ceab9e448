// A table is a header of 16 bytes and 8 bytes a document; its digest stands in the manifest.
#include "data/document_table.h"

#include <algorithm>
#include <utility>

#include "data/manifest.h"
#include "data/table_file.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

constexpr TableKind kKind{"lspdocum", "documents"};
constexpr std::int64_t kStride = 64;

std::span<const std::int64_t> rows_of(const MappedFile& file, const std::string& path,
                                      std::size_t count) {
  const auto rows = table_rows(file, path, kKind);
  check(rows.size() % 8 == 0 && rows.size() / 8 == count, ErrorKind::Data, path, ": a table of ",
        count, " documents must have ", kTableHeaderBytes, " bytes and 8 for each, found ",
        kTableHeaderBytes + rows.size(), " bytes", kPrepareAgain);
  return {reinterpret_cast<const std::int64_t*>(rows.data()), count};
}

}  // namespace

std::shared_ptr<const DocumentTable> DocumentTable::read(const fs::path& folder,
                                                         const Json& documents,
                                                         std::int64_t num_tokens) {
  std::shared_ptr<DocumentTable> table(new DocumentTable(num_tokens));
  table->path_ = table_path(folder, documents);
  table->digest_ = documents.at("digest").get<std::string>();
  table->verify();
  table->file_.emplace(table->path_);
  const std::int64_t count = whole_number(documents, "count");
  table->begins_ = rows_of(*table->file_, table->path_, static_cast<std::size_t>(count));
  table->check(table->path_);
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

void DocumentTable::verify() const { check_table_digest(path_, digest_, kKind); }

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
  write_table_header(writer_, kKind);
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
  return describe_table(folder_, name_, static_cast<std::size_t>(count_));
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
