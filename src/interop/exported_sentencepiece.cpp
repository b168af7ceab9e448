// SentencePiece models for transformers. LLaMA's class takes the pieces of any model for those of
// BPE since transformers 5, so that unigram models on lines, as trained here, go out as a
// tokenizer.json too. Pieces that a text cannot have are in its table like others: their scores
// keep them out of texts.

#include "interop/exported_sentencepiece.h"

#include <algorithm>

#include "interop/fast_tokenizer.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "longspan/core/utf8.h"

namespace longspan::interop {
namespace {

namespace fs = std::filesystem;
using PieceType = SentencePieceFacts::PieceType;

constexpr const char *kSpace = "\xE2\x96\x81", *kLineBreak = "\n";
constexpr const char* kNamesOfBytes = "<(?=0x[0-9A-F]{2}>)";

bool is_whole_text(std::string_view text) { return find_invalid_utf8(text) == text.npos; }

constexpr std::string_view kEnd = "</s>";  // what import takes for the start of a text

// The line's end becomes a token of its own in the place of the piece.
bool can_be_json(const Tokenizer& tokenizer, const SentencePieceFacts& facts) {
  return facts.kind == SentencePieceFacts::Kind::Unigram && !tokenizer.reads_documents() &&
         tokenizer.ends_line(tokenizer.start_id()) && facts.charsmap.empty() &&
         facts.pieces.at(static_cast<std::size_t>(tokenizer.start_id())).text == kEnd &&
         !facts.dummy_space && !facts.collapses_spaces && !facts.whitespace_as_suffix &&
         std::ranges::all_of(facts.pieces,
                             [](const auto& piece) { return is_whole_text(piece.text); });
}

Json added_token(std::int32_t id, const std::string& text, bool normalized) {
  return {{"id", id},        {"content", text},          {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", normalized}, {"special", false}};
}

std::int32_t unknown_id(const SentencePieceFacts& facts) {
  for (std::size_t id = 0; id < facts.pieces.size(); ++id)
    if (facts.pieces[id].type == PieceType::Unknown) return static_cast<std::int32_t>(id);
  return 0;
}

Json unigram(const Tokenizer& tokenizer, const SentencePieceFacts& facts) {
  const std::int32_t end = tokenizer.start_id();
  Json vocab = Json::array(), added = Json::array({added_token(end, kLineBreak, true)});
  for (std::size_t i = 0; i < facts.pieces.size(); ++i) {
    const auto& piece = facts.pieces[i];
    const auto id = static_cast<std::int32_t>(i);
    const bool is_named = piece.is_of_text() || piece.type == PieceType::Byte;
    const std::string text = id == end ? kLineBreak : concat(is_named ? "" : " ", piece.text);
    vocab.push_back(Json::array({text, double{piece.score}}));
    if (piece.type == PieceType::UserDefined) added.push_back(added_token(id, text, false));
  }
  const Json spaces{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}},
      back{{"type", "Replace"}, {"pattern", {{"String", kSpace}}}, {"content", " "}};
  return fast_tokenizer::document(
      {{"added_tokens", added},
       {"normalizer",
        {{"type", "Sequence"},
         {"normalizers", {fast_tokenizer::replace("\r\n|\r", kLineBreak), spaces}}}},
       {"pre_tokenizer",
        {{"type", "Split"},
         {"pattern", {{"Regex", kNamesOfBytes}}},
         {"behavior", "Isolated"},
         {"invert", false}}},
       {"post_processor", fast_tokenizer::with_start(kLineBreak, end)},
       {"decoder",
        {{"type", "Sequence"},
         {"decoders", {back, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}}}}},
       {"model",
        {{"type", "Unigram"},
         {"unk_id", unknown_id(facts)},
         {"vocab", vocab},
         {"byte_fallback", facts.byte_fallback}}}});
}

void write_for_llama(const Tokenizer& tokenizer, const SentencePieceFacts& facts, bool prefix_space,
                     const fs::path& folder) {
  const auto piece = [&](std::int32_t id) {
    return std::string(facts.pieces.at(static_cast<std::size_t>(id)).text);
  };
  const std::string start = piece(tokenizer.start_id());
  write_json(folder / fast_tokenizer::kSettingsFile,
             {{"tokenizer_class", "LlamaTokenizer"},
              {"add_bos_token", true},
              {"add_eos_token", false},
              {"add_prefix_space", facts.dummy_space && prefix_space},
              {"bos_token", start},
              {"unk_token", piece(unknown_id(facts))},
              {"legacy", true},
              {"clean_up_tokenization_spaces", false}});
  if (facts.kind != SentencePieceFacts::Kind::Bpe)
    log::warn("transformers 5 reads any SentencePiece model as BPE: its ids may be others there");
  if (!tokenizer.reads_documents() && tokenizer.ends_line(tokenizer.start_id()))
    log::warn(
        "transformers puts no token at the end of a line: give it line by line, with the "
        "token behind each",
        {{"token", start}});
}

}  // namespace

std::optional<Json> unigram_document(const Tokenizer& tokenizer, const SentencePieceFacts& facts) {
  if (!can_be_json(tokenizer, facts)) return std::nullopt;
  return unigram(tokenizer, facts);
}

std::string write_sentencepiece_tokenizer(const Tokenizer& tokenizer, const fs::path& folder) {
  const fs::path saved = folder / "saved";
  make_folder(saved);
  tokenizer.save(saved);
  fs::rename(saved / "sentencepiece.model", folder / kSentencePieceFile);
  const Json description = read_json(saved / "tokenizer.json");
  fs::remove_all(saved);
  const std::string model = read_file(folder / kSentencePieceFile);
  const auto facts = read_sentencepiece_facts(model, (folder / kSentencePieceFile).string());
  if (const auto document = unigram_document(tokenizer, facts)) {
    fast_tokenizer::write(folder, *document, {{"add_bos_token", false}});
    return fast_tokenizer::kFile;
  }
  write_for_llama(tokenizer, facts, description.value("prefix_space", true), folder);
  return kSentencePieceFile;
}

}  // namespace longspan::interop
