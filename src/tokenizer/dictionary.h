#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/word_table.h"

namespace longspan {

/// The words of a vocabulary by id, and how often each stood in the training text.
struct Vocabulary {
  WordTable words;                   ///< number = id
  std::vector<std::int64_t> counts;  ///< by id
};

/// The ids below this are <s>, <pad>, </s> and <unk>. They stand in the table like words, so that
/// their literal text maps to their ids.
inline constexpr std::size_t kNumSpecials = 4;

/// Returns a vocabulary of the special symbols alone.
Vocabulary make_specials();
/// Adds a word that is not there yet.
void add(Vocabulary& vocabulary, std::string_view word, std::int64_t count);
/// Fills up to a multiple with symbols madeupword0000, ... as fairseq does.
void pad(Vocabulary& vocabulary, std::int64_t multiple);
/// Returns the text of dict.txt: FORMAT.md gives its form.
std::string format_dictionary(const Vocabulary& vocabulary);
/// Reads the text of a dict.txt. @param source names the file in errors  @throws Error(Data)
Vocabulary parse_dictionary(std::string_view text, const std::string& source);
/// Returns the content of the file that data.tokenizer.dictionary names, without a byte order mark.
/// @throws Error(Data)
std::string read_dictionary(const std::string& path);

}  // namespace longspan
