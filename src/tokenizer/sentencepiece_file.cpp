// A model file of others is tried out in a child process before the library has it in this one.
#include "tokenizer/sentencepiece_file.h"

#include <sentencepiece_processor.h>

#include <exception>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/file_content.h"
#include "longspan/core/files.h"
#include "tokenizer/child_process.h"

namespace longspan {
namespace {

std::string read_model(const std::string& path) {
  try {
    return read_file(path);
  } catch (const Error& cause) {
    std::throw_with_nested(
        Error(ErrorKind::Data, concat("data.tokenizer.model must be readable: ", cause.what())));
  }
}

// Returns each character of up to three bytes once, in UTF-8.
std::string many_characters() {
  std::string text;
  const auto append = [&](unsigned byte) { text += static_cast<char>(byte); };
  for (unsigned point = 1; point < 0x10000; ++point) {
    if (point >= 0xD800 && point < 0xE000) continue;
    if (point < 0x80) {
      append(point);
    } else if (point < 0x800) {
      append(0xC0 | point >> 6);
    } else {
      append(0xE0 | point >> 12);
      append(0x80 | (point >> 6 & 0x3F));
    }
    if (point >= 0x80) append(0x80 | (point & 0x3F));
  }
  return text;
}

// A damaged table of normalisation leads the library out of its memory, at once or at a character.
void check_bearable(const std::string& model, const std::string& source) {
  try {
    in_child_process([&] {
      sentencepiece::SentencePieceProcessor processor;
      std::vector<int> pieces;
      if (processor.LoadFromSerializedProto(model).ok())
        processor.Encode(many_characters(), &pieces).IgnoreError();
      return std::string();
    });
  } catch (const Error& cause) {
    std::throw_with_nested(Error(
        cause.kind(), concat(source, ": must be a SentencePiece model, got: ", cause.what())));
  }
}

}  // namespace

void check_sentencepiece_content(std::string_view model, const std::string& source) {
  std::string_view content = model.empty() ? "an empty file" : recognized_data(model);
  if (content.empty()) content = recognized_markup(model);
  check(content.empty(), ErrorKind::Data, source,
        ": must be a SentencePiece model, got: ", content);
}

std::string read_foreign_sentencepiece(const std::string& path) {
  std::string model = read_model(path);
  check_bearable(model, path);
  return model;
}

}  // namespace longspan
