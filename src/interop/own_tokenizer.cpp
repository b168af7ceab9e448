// Tokenizers that went out and come back. What a tokenizer.json does is spread over its parts, so
// that none of them is interpreted: the file is one of ours exactly where the tokenizer made again
// from the files beside it would be written as the same bytes.

#include "interop/own_tokenizer.h"

#include <array>

#include "interop/exported_sentencepiece.h"
#include "interop/exported_tokenizer.h"
#include "interop/fast_tokenizer.h"
#include "interop/folder_file.h"
#include "longspan/config/reader.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"

namespace longspan::interop {
namespace {

namespace fs = std::filesystem;

// What a tokenizer.json may stand for: the type of its model, as it stands there, and a section up
// to the path of the file beside it, if any.
struct Candidate {
  std::string_view type, section;
  const char* file;
};
constexpr std::string_view kBpe = "\"type\": \"BPE\"", kWords = "\"type\": \"WordLevel\"",
                           kUnigram = "\"type\": \"Unigram\"";
constexpr std::array<Candidate, 4> kCandidates{
    {{kBpe, "{kind: bytes", nullptr},
     {kWords, "{kind: word, pad_multiple: 1, end_of_line: true, dictionary: ", kDictionaryFile},
     {kWords, "{kind: word, pad_multiple: 1, end_of_line: false, dictionary: ", kDictionaryFile},
     {kUnigram, "{kind: sentencepiece, model: ", kSentencePieceFile}}};

std::optional<Json> document_of(const Tokenizer& tokenizer, const fs::path& file) {
  if (tokenizer.kind() == "bytes") return bytes_document(tokenizer);
  if (tokenizer.kind() == "word") return words_document(tokenizer);
  const std::string model = read_file(file);
  return unigram_document(tokenizer, read_sentencepiece_facts(model, file.string()));
}

// A model of pieces that cannot be used line by line is not ours; folder_tokenizer reads it another
// way, and names what is wrong with it there.
std::unique_ptr<Tokenizer> tokenizer_of_candidate(const Candidate& candidate,
                                                  const std::string& section,
                                                  const fs::path& file) {
  try {
    return tokenizer_of(section, file);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Data || candidate.type != kUnigram) throw;
    return nullptr;
  }
}

}  // namespace

std::string quoted_path(const fs::path& file) {
  std::error_code failure;
  const fs::path place = fs::absolute(file, failure);
  check(!failure, ErrorKind::Data, file.string(),
        ": must have an absolute path, got: ", failure.message());
  return Json(place.string()).dump();
}

std::unique_ptr<Tokenizer> tokenizer_of(const std::string& section, const fs::path& file) {
  if (!file.empty()) check_is_downloaded(file);
  const auto document = config::Document::from_text("tokenizer: " + section + "\n", file.string());
  try {
    return build_tokenizer(read_tokenizer_config(document.root().section("tokenizer")), {});
  } catch (const Error& cause) {
    std::throw_with_nested(Error(
        cause.kind(),
        concat(cause.what(), "; download it again, or remove it to import the model with ids")));
  }
}

std::optional<OwnTokenizer> own_tokenizer(const fs::path& folder) {
  const fs::path description = folder / fast_tokenizer::kFile;
  if (!is_there(description)) return std::nullopt;
  check_is_downloaded(description);
  const std::string text = read_file(description);
  for (const Candidate& candidate : kCandidates) {
    const fs::path file = candidate.file == nullptr ? fs::path() : folder / candidate.file;
    if (text.find(candidate.type) == std::string::npos) continue;
    if (!file.empty() && !is_there(file)) continue;
    const std::string section =
        concat(candidate.section, file.empty() ? "" : quoted_path(file), "}");
    const auto tokenizer = tokenizer_of_candidate(candidate, section, file);
    if (tokenizer == nullptr) continue;
    const auto document = document_of(*tokenizer, file);
    if (document && fast_tokenizer::text_of(*document) == text)
      return OwnTokenizer{section, tokenizer->vocab_size()};
  }
  return std::nullopt;
}

}  // namespace longspan::interop
