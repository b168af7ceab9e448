// Tokenizers for transformers. SentencePiece models go out as they are, for LLaMA's class; words
// and bytes as a tokenizer.json of the library tokenizers, without special tokens, since those
// would be found within words too.

#include "interop/exported_tokenizer.h"

#include <array>
#include <utility>

#include "interop/exported_sentencepiece.h"
#include "interop/fast_tokenizer.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"

namespace longspan::interop {
namespace {

namespace fs = std::filesystem;

// Words are what stands between the whitespace of Python's str.isspace().
constexpr const char* kSpaces =
    "[\\x09-\\x0D\\x1C-\\x20\\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}"
    "\\x{205F}\\x{3000}]+";
constexpr const char* kLineBreaks = "\r\n|\r|\n";
constexpr const char *kEndOfLine = "</s>", *kUnknown = "<unk>";
constexpr std::ptrdiff_t kUnknownId = 3;

std::string write_words(const Tokenizer& tokenizer, const fs::path& folder) {
  const fs::path saved = folder / "saved";
  make_folder(saved);
  tokenizer.save(saved);
  fs::rename(saved / kDictionaryFile, folder / kDictionaryFile);
  fs::remove_all(saved);
  fast_tokenizer::write(folder, words_document(tokenizer));
  return fast_tokenizer::kFile;
}

}  // namespace

std::array<std::string, 256> byte_characters() {
  std::array<std::string, 256> result;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool is_printed = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    const int point = is_printed ? byte : next++;
    auto& text = result[static_cast<std::size_t>(byte)];
    if (point < 0x80) {
      text = static_cast<char>(point);
    } else {
      text = static_cast<char>(0xC0 | (point >> 6));
      text += static_cast<char>(0x80 | (point & 0x3F));
    }
  }
  return result;
}

Json bytes_document(const Tokenizer& tokenizer) {
  const auto characters = byte_characters();
  Json vocab = Json::object();
  for (std::size_t byte = 0; byte < characters.size(); ++byte) vocab[characters[byte]] = byte;
  const Json byte_level{{"type", "ByteLevel"},
                        {"add_prefix_space", false},
                        {"trim_offsets", false},
                        {"use_regex", false}};
  const std::int32_t start = tokenizer.start_id();
  return fast_tokenizer::document(
      {{"normalizer", fast_tokenizer::replace("\r\n|\r", "\n")},
       {"pre_tokenizer", byte_level},
       {"post_processor",
        fast_tokenizer::with_start(characters[static_cast<std::size_t>(start)], start)},
       {"decoder", byte_level},
       {"model",
        {{"type", "BPE"},
         {"dropout", nullptr},
         {"unk_token", nullptr},
         {"continuing_subword_prefix", nullptr},
         {"end_of_word_suffix", nullptr},
         {"fuse_unk", false},
         {"byte_fallback", false},
         {"vocab", vocab},
         {"merges", Json::array()}}}});
}

Json words_document(const Tokenizer& tokenizer) {
  const std::int32_t start = tokenizer.start_id();  // that of kEndOfLine
  Json::object_t vocab;  // filled as a list: looking for each key would take the square of its size
  vocab.reserve(static_cast<std::size_t>(tokenizer.vocab_size()));
  for (std::int32_t id = 0; id < tokenizer.vocab_size(); ++id)
    vocab.emplace_back(id == start ? kEndOfLine : tokenizer.decode(std::array{id}), id);
  check((vocab.begin() + kUnknownId)->first == kUnknown, ErrorKind::Internal,
        "the unknown word has moved");
  Json parts{
      {"pre_tokenizer",
       {{"type", "Split"},
        {"pattern", {{"Regex", kSpaces}}},
        {"behavior", "Removed"},
        {"invert", false}}},
      {"post_processor", fast_tokenizer::with_start(kEndOfLine, start)},
      {"model", {{"type", "WordLevel"}, {"vocab", std::move(vocab)}, {"unk_token", kUnknown}}}};
  // The decoder of word pieces is the one that puts a space between tokens; no piece begins so.
  Json decoders = Json::array(
      {{{"type", "WordPiece"}, {"prefix", "\n"}, {"cleanup", false}}, {{"type", "Fuse"}}});
  if (tokenizer.ends_line(start)) {
    parts["normalizer"] = fast_tokenizer::replace(kLineBreaks, concat(" ", kEndOfLine, " "));
    decoders.push_back(fast_tokenizer::replace(" ?(?<!\\S)</s>(?!\\S) ?", "\n"));
  }
  parts["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
  return fast_tokenizer::document(parts);
}

std::string write_folder_tokenizer(const Tokenizer& tokenizer, const fs::path& folder) {
  const std::string kind = tokenizer.kind();
  if (kind == "bytes") {
    fast_tokenizer::write(folder, bytes_document(tokenizer));
    return fast_tokenizer::kFile;
  }
  if (kind == "word") return write_words(tokenizer, folder);
  if (kind == "sentencepiece") return write_sentencepiece_tokenizer(tokenizer, folder);
  log::warn("the folder has no tokenizer: transformers has none that gives the same ids",
            {{"tokenizer", kind}});
  return "";
}

}  // namespace longspan::interop
