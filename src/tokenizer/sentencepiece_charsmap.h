#pragma once

#include <string>
#include <string_view>

namespace longspan {

/// Proves that the tables of characters in a SentencePiece model lead nowhere outside themselves:
/// the library follows them unseen. @param model the bytes of a model file  @throws Error(Data)
void check_charsmaps(std::string_view model, const std::string& source);

}  // namespace longspan
