#pragma once

#include <string>
#include <string_view>

namespace longspan {

/// Refuses by name what is plainly no model. @param source names it  @throws Error(Data)
void check_sentencepiece_content(std::string_view model, const std::string& source);
/// Returns the bytes of the file that data.tokenizer.model names, which the library can bear.
/// @throws Error(Data)
std::string read_foreign_sentencepiece(const std::string& path);

}  // namespace longspan
