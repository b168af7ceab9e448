// Files are read into memory of this process, not mapped: a text may be larger than the memory, and
// a file that shrinks meanwhile ends no process.
#include "data/text_blocks.h"

#include <algorithm>
#include <utility>

#include "data/json_lines.h"
#include "data/lines.h"
#include "longspan/core/error.h"
#include "longspan/core/file_content.h"
#include "longspan/core/progress.h"
#include "longspan/core/utf8.h"

namespace longspan {
namespace {

// Returns the bytes of whole lines at the text's beginning; 0 when there are none. A \r at the end
// may be half of a line break.
std::size_t bytes_of_lines(std::string_view text) {
  const std::size_t newline = text.rfind('\n');
  if (newline != std::string_view::npos) return newline + 1;
  const std::size_t lone_return = text.substr(0, text.size() - 1).rfind('\r');
  return lone_return == std::string_view::npos ? 0 : lone_return + 1;
}

}  // namespace

TextBlocks::TextBlocks(TextFiles files, ByteProgress* progress)
    : files_(std::move(files)), progress_(progress) {}

TextBlocks::TextBlocks(TextFiles files, Sizes sizes) : files_(std::move(files)), sizes_(sizes) {}

std::optional<TextBlock> TextBlocks::next() {
  for (;;) {
    if (!reader_ && !open_next()) return std::nullopt;
    while (buffer_.size() < sizes_.block_bytes || bytes_of_lines(buffer_) == 0) {
      if (fill()) continue;
      reader_.reset();
      if (buffer_.empty()) break;
      return take(buffer_.size());
    }
    if (reader_) return take(bytes_of_lines(buffer_));
  }
}

bool TextBlocks::open_next() {
  if (num_opened_ == files_.paths.size()) return false;
  const std::string& path = files_.paths[num_opened_++];
  reader_.emplace(path);
  compression_ = reader_->compression();
  place_ = mark_bytes_ = told_bytes_ = 0;
  fill();
  if (buffer_.starts_with(kByteOrderMark)) {
    buffer_.erase(0, kByteOrderMark.size());
    place_ = mark_bytes_ = static_cast<std::int64_t>(kByteOrderMark.size());
  }
  return true;
}

// Reads on. @return false at the file's end
bool TextBlocks::fill() {
  const std::size_t before = buffer_.size();
  check(compression_.empty() || before < sizes_.max_decoded_bytes, ErrorKind::Data,
        files_.paths[num_opened_ - 1], ": a line of ", compression_, " data must have fewer than ",
        sizes_.max_decoded_bytes, " bytes, the one at byte ", place_,
        " of its text has more; decompress the file");
  buffer_.resize(std::max(sizes_.block_bytes, 2 * before));  // of a long line, twice as much
  const std::size_t count = reader_->read({buffer_.data() + before, buffer_.size() - before});
  buffer_.resize(before + count);
  const std::int64_t file_bytes = reader_->file_bytes();
  if (progress_ != nullptr) progress_->add(file_bytes - std::exchange(told_bytes_, file_bytes));
  return count > 0;
}

std::optional<TextBlock> TextBlocks::take(std::size_t bytes) {
  TextBlock block;
  block.file = num_opened_ - 1;
  block.path = files_.paths[block.file];
  block.place = place_;
  block.compression = compression_;
  if (has_json_lines(block.path)) block.text_key = files_.text_key;
  block.text = std::exchange(buffer_, buffer_.substr(bytes));
  block.text.resize(bytes);
  const auto count = static_cast<std::int64_t>(bytes);
  block.bytes = count + std::exchange(mark_bytes_, 0);
  place_ += count;
  return block;
}

void check_utf8(const TextBlock& block, std::int64_t lines_before) {
  const std::string_view text = block.text;
  const std::size_t invalid = find_invalid_utf8(text);
  if (invalid == std::string_view::npos) return;
  std::int64_t number = lines_before;
  for_each_line(text.substr(0, invalid + 1), [&](std::string_view) { ++number; });
  throw Error(ErrorKind::Data, concat(block.path, ":", number, ": text must be UTF-8, found ",
                                      byte_in_hex(text[invalid]), " at byte ",
                                      block.place + static_cast<std::int64_t>(invalid),
                                      block.compression.empty() ? " of the file" : " of its text"));
}

}  // namespace longspan
