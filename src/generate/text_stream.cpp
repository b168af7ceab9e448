// A token's text may depend on those before it, so the last ones are decoded together each time.

#include "generate/text_stream.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "longspan/core/utf8.h"

namespace longspan {
namespace {

constexpr std::size_t kMostIds = 256, kKeptIds = 32;
// What decoders put in place of a character whose bytes are not all there.
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Returns the end of what later tokens leave as it is.
std::size_t settled_size(std::string_view text) {
  while (text.ends_with(kReplacement)) text.remove_suffix(kReplacement.size());
  const std::size_t tail = text.size() - std::min<std::size_t>(text.size(), 3);
  for (std::size_t at = text.size(); at-- > tail;) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) break;
    if (byte < 0xC0) continue;
    return at + utf8_size(text[at]) > text.size() ? at : text.size();
  }
  return text.size();
}

}  // namespace

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<std::int32_t> context)
    : tokenizer_(&tokenizer), ids_(std::move(context)) {
  given_ = tokenizer_->decode(ids_).size();
}

std::string TextStream::push(std::int32_t id) {
  if (ids_.size() >= kMostIds) shorten();
  ids_.push_back(id);
  const std::string text = tokenizer_->decode(ids_);
  return take_up_to(text, settled_size(text));
}

std::string TextStream::finish() {
  const std::string text = tokenizer_->decode(ids_);
  return take_up_to(text, text.size());
}

std::string TextStream::take_up_to(const std::string& text, std::size_t end) {
  if (end <= given_) return {};
  return text.substr(std::exchange(given_, end), end - given_);
}

void TextStream::shorten() {
  const std::string before = tokenizer_->decode(ids_);
  const std::size_t held = before.size() - std::min(before.size(), given_);
  ids_.erase(ids_.begin(), ids_.end() - static_cast<std::ptrdiff_t>(kKeptIds));
  const std::string text = tokenizer_->decode(ids_);
  given_ = text.size() - std::min(text.size(), held);
}

}  // namespace longspan
