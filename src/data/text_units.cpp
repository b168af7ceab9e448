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
  // Of no byte there is no document: of a byte order mark alone.
  void give(const std::function<void(std::string_view)>& emit) {
    if (text_.empty()) return;
    if (!ends_in_break_) text_.pop_back();
    emit(text_);
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

// Gives the documents in a block of records. @return the bytes of their text
std::int64_t give_records(const TextBlock& block, std::int64_t lines_before,
                          const std::function<void(std::string_view)>& emit) {
  std::int64_t bytes = 0;
  for_each_record(block, lines_before, [&](std::string_view text) {
    bytes += static_cast<std::int64_t>(text.size());
    Document document;
    document.append(text);
    document.give(emit);
  });
  return bytes;
}

std::int64_t read_documents_of(TextBlocks blocks,
                               const std::function<void(std::string_view)>& emit) {
  Document whole;
  std::int64_t bytes = 0, lines = 0;
  while (const std::optional<TextBlock> block = blocks.next()) {
    check_utf8(*block, lines);
    if (block->text_key.empty()) {
      check_document(*block, whole.size() + block->text.size());
      whole.append(block->text);
      bytes += block->bytes;
    } else {
      bytes += give_records(*block, lines, emit);
    }
    lines += count_lines(block->text);
  }
  whole.give(emit);
  return bytes;
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

std::int64_t read_documents(const TextFiles& files,
                            const std::function<void(std::string_view)>& emit,
                            ByteProgress* progress) {
  std::int64_t bytes = 0;
  for (const std::string& file : files.paths)
    bytes += read_documents_of(TextBlocks({{file}, files.text_key}, progress), emit);
  return bytes;
}

}  // namespace longspan
