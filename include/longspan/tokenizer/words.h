#pragma once

#include <cstdint>
#include <string_view>

namespace longspan {

/// Takes the next word off the front of a text in UTF-8. Words are separated by Unicode whitespace
/// as Python's str.split() has it. @return the word, empty when none is left
std::string_view next_word(std::string_view& rest);
/// Returns the number of words.
std::int64_t count_words(std::string_view text);

}  // namespace longspan
