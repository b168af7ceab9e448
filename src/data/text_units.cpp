// Files as lines and documents. Checks come with the reading, so a text is only passed once.
#include "data/text_units.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "data/json_lines.h"
#include "data/lines.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

/// A document with \n for each of its line breaks.
class Document {
 public:
  void append(std::string_view text) {
    for_each_line(text, [&](std::string_view line) { text_.append(line) += '\n'; });
    ends_in_break_ = text.ends_with('\n') || text.ends_with('\r');
  }
  std::size_t size() const { return text_.size(); }
  std::string take() && {
    if (!text_.empty() && !ends_in_break_) text_.pop_back();
    return std::move(text_);
  }

 private:
  std::string text_;
  bool ends_in_break_ = false;
};

// As for a line of compressed text.
void check_document(const TextBlock& block, std::size_t bytes) {
  check(block.compression.empty() || bytes < TextBlocks::kMaxDecodedBytes, ErrorKind::Data,
        block.path, ": a document of ", block.compression, " data must have fewer than ",
        TextBlocks::kMaxDecodedBytes, " bytes, it has more; decompress the file");
}

}  // namespace

TextFiles files_to_read(const TextConfig& config) { return {text_files(config), config.text_key}; }

std::int64_t bytes_of(const std::vector<std::string>& paths) {
  std::int64_t bytes = 0;
  for (const std::string& path : paths) {
    std::error_code failure;
    const std::uintmax_t size = std::filesystem::file_size(path, failure);
    check(!failure, ErrorKind::Data, path,
          ": must be a readable text file, got: ", failure.message());
    bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

void read_lines(const TextFiles& files, const std::function<void(std::string_view)>& emit,
                ByteProgress* progress) {
  TextBlocks blocks(files, progress);
  std::int64_t lines = 0;  // of the file so far
  for (std::size_t file = 0; std::optional<TextBlock> block = blocks.next();) {
    if (std::exchange(file, block->file) != block->file) lines = 0;
    read_block(*block, lines);
    std::int64_t text_lines = 0;
    for_each_line(block->text, [&](std::string_view line) {
      ++text_lines;
      emit(line);
    });
    lines += block->file_lines.value_or(text_lines);
  }
}

DocumentBlocks::DocumentBlocks(TextFiles files, ByteProgress* progress)
    : blocks_(std::move(files), progress) {}

std::optional<DocumentBlock> DocumentBlocks::next() {
  if (!ahead_) ahead_ = blocks_.next();
  if (!ahead_) return std::nullopt;
  if (ahead_->file != file_) lines_ = 0;
  file_ = ahead_->file;
  DocumentBlock result;
  if (ahead_->text_key.empty()) {
    take_file(result);
  } else {
    result.lines_before = lines_;
    lines_ += count_lines(ahead_->text);
    result.records = std::move(*ahead_);
    ahead_.reset();
  }
  return result;
}

void DocumentBlocks::take_file(DocumentBlock& result) {
  Document document;
  for (; ahead_ && ahead_->file == file_; ahead_ = blocks_.next()) {
    check_utf8(*ahead_, lines_);
    check_document(*ahead_, document.size() + ahead_->text.size());
    document.append(ahead_->text);
    lines_ += count_lines(ahead_->text);
    result.bytes += ahead_->bytes;
  }
  result.document = std::move(document).take();
}

std::int64_t for_each_document(const DocumentBlock& block,
                               const std::function<void(std::string_view)>& emit) {
  if (!block.document.empty()) emit(block.document);
  std::int64_t bytes = block.bytes;
  check_utf8(block.records, block.lines_before);
  for_each_record(block.records, block.lines_before, [&](std::string_view text) {
    bytes += static_cast<std::int64_t>(text.size());
    Document document;
    document.append(text);
    if (document.size() > 0) emit(std::move(document).take());
  });
  return bytes;
}

std::int64_t read_documents(const TextFiles& files,
                            const std::function<void(std::string_view)>& emit) {
  DocumentBlocks blocks(files);
  std::int64_t bytes = 0;
  while (const auto block = blocks.next()) bytes += for_each_document(*block, emit);
  return bytes;
}

}  // namespace longspan
