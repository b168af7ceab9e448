#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// The text of tokens as they come. What a token leaves unfinished, part of a character, is held
/// back until the rest is there.
class TextStream {
 public:
  /// @param context tokens in front, whose text is not given out
  TextStream(const Tokenizer& tokenizer, std::vector<std::int32_t> context);

  /// Returns the text that a token adds.
  std::string push(std::int32_t id);
  /// Returns what is still held back.
  std::string finish();

 private:
  std::string take_up_to(const std::string& text, std::size_t end);
  void shorten();

  const Tokenizer* tokenizer_;
  std::vector<std::int32_t> ids_;  // the last ones
  std::size_t given_ = 0;          // bytes of their text
};

}  // namespace longspan
