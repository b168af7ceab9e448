// Tokenizers for llama.cpp: bytes as GPT-2's kind without merges, SentencePiece models as `llama`
// (BPE) or `t5` (unigram). It has none of words. An id that ends texts must be named; where the
// model has none it is one that texts do not have.

#include "interop/gguf_tokenizer.h"

#include <algorithm>
#include <vector>

#include "interop/exported_tokenizer.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "longspan/tokenizer/sentencepiece_facts.h"

namespace longspan::interop {
namespace {

namespace fs = std::filesystem;
using PieceType = SentencePieceFacts::PieceType;

constexpr std::int64_t kNulByte = 0;

struct TextEnds {
  std::int64_t start, end;
};

void add_ends(const TextEnds& ends, GgufFile& file) {
  file.add_count("tokenizer.ggml.bos_token_id", ends.start);
  file.add_count("tokenizer.ggml.eos_token_id", ends.end);
  file.add_truth("tokenizer.ggml.add_bos_token", true);
  file.add_truth("tokenizer.ggml.add_eos_token", false);
}

std::string add_bytes(const Tokenizer& tokenizer, GgufFile& file) {
  const auto characters = byte_characters();
  const std::vector<std::int32_t> types(characters.size(),
                                        static_cast<std::int32_t>(PieceType::Normal));
  file.add_text("tokenizer.ggml.model", "gpt2");
  file.add_text("tokenizer.ggml.pre", "gpt-2");
  file.add_texts("tokenizer.ggml.tokens", characters);
  file.add_integers("tokenizer.ggml.token_type", types);
  file.add_texts("tokenizer.ggml.merges", {});
  add_ends({tokenizer.start_id(), kNulByte}, file);
  return "gpt2";
}

std::string model_of(const Tokenizer& tokenizer, const fs::path& scratch) {
  tokenizer.save(scratch);
  return read_file(scratch / "sentencepiece.model");
}

// What ends a text: its start where texts are documents, as in training; else a piece that no text
// has.
std::int64_t end_of(const Tokenizer& tokenizer, const SentencePieceFacts& facts) {
  if (tokenizer.reads_documents()) return tokenizer.start_id();
  std::int64_t unknown = 0;
  for (std::size_t i = 0; i < facts.pieces.size(); ++i) {
    const auto id = static_cast<std::int64_t>(i);
    if (facts.pieces[i].type == PieceType::Control && id != tokenizer.start_id()) return id;
    if (facts.pieces[i].type == PieceType::Unknown) unknown = id;
  }
  return unknown;
}

// The token at the end of a line stands for its break.
void add_pieces(const Tokenizer& tokenizer, const SentencePieceFacts& facts, GgufFile& file) {
  std::vector<std::string> texts;
  std::vector<float> scores;
  std::vector<std::int32_t> types;
  std::int64_t unknown = 0;
  for (const auto& piece : facts.pieces) {
    const auto id = static_cast<std::int32_t>(texts.size());
    const bool ends_line = !tokenizer.reads_documents() && tokenizer.ends_line(id);
    if (piece.type == PieceType::Unknown) unknown = id;
    texts.emplace_back(ends_line ? "\n" : piece.text);
    scores.push_back(piece.score);
    types.push_back(static_cast<std::int32_t>(ends_line ? PieceType::UserDefined : piece.type));
  }
  file.add_texts("tokenizer.ggml.tokens", texts);
  file.add_numbers("tokenizer.ggml.scores", scores);
  file.add_integers("tokenizer.ggml.token_type", types);
  file.add_count("tokenizer.ggml.unknown_token_id", unknown);
}

std::string add_sentencepiece(const Tokenizer& tokenizer, const fs::path& scratch, GgufFile& file) {
  const std::string model = model_of(tokenizer, scratch);
  const auto facts = read_sentencepiece_facts(model, "the run's SentencePiece model");
  const bool is_bpe = facts.kind == SentencePieceFacts::Kind::Bpe;
  const bool is_known = is_bpe || facts.kind == SentencePieceFacts::Kind::Unigram;
  if (!is_known || facts.whitespace_as_suffix) return "";
  const std::string name = is_bpe ? "llama" : "t5";
  file.add_text("tokenizer.ggml.model", name);
  if (is_bpe) file.add_text("tokenizer.ggml.pre", "default");
  add_pieces(tokenizer, facts, file);
  add_ends({tokenizer.start_id(), end_of(tokenizer, facts)}, file);
  const bool prefix_space = read_json(scratch / "tokenizer.json").value("prefix_space", true);
  file.add_truth("tokenizer.ggml.add_space_prefix", facts.dummy_space && prefix_space);
  file.add_truth("tokenizer.ggml.remove_extra_whitespaces", facts.collapses_spaces);
  if (!facts.charsmap.empty())
    file.add_bytes("tokenizer.ggml.precompiled_charsmap", facts.charsmap);
  return name;
}

}  // namespace

std::string add_gguf_tokenizer(const Tokenizer& tokenizer, const fs::path& scratch,
                               GgufFile& file) {
  const std::string kind = tokenizer.kind();
  std::string name;
  if (kind == "bytes") name = add_bytes(tokenizer, file);
  if (kind == "sentencepiece") name = add_sentencepiece(tokenizer, scratch, file);
  if (!name.empty()) return name;
  file.add_text("tokenizer.ggml.model", "no_vocab");
  log::warn("the file has no tokenizer: llama.cpp has none that gives the same ids",
            {{"tokenizer", kind}});
  return "";
}

}  // namespace longspan::interop
