#include <catch2/catch_test_macros.hpp>
#include <string>

#include "longspan/config/reader.h"
#include "longspan/data/batches.h"
#include "longspan/data/shards.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

DataConfig read(const std::string& data) {
  const auto document = config::Document::from_text("data: {" + data + "}\n", "c.yaml", "/configs");
  return read_data_config(document.root().section("data"));
}

const std::string kFiles = "train: t.txt, valid: v.txt, shards: ../out";

}  // namespace

TEST_CASE("data config: reads every key, with defaults") {
  const DataConfig plain = read(kFiles);
  CHECK(plain.train.patterns == std::vector<std::string>{"/configs/t.txt"});
  CHECK(plain.valid.patterns == std::vector<std::string>{"/configs/v.txt"});
  CHECK_FALSE(plain.test.has_value());
  CHECK(plain.tokenizer.kind == TokenizerKind::Word);
  CHECK(plain.train.text_key == "text");
  CHECK(plain.seq_len == 512);
  CHECK(plain.order == BatchOrder::Shuffled);
  CHECK(plain.document_bounds == DocumentBounds::None);
  CHECK(plain.expect == KnownCorpus::None);
  const DataConfig full = read(
      kFiles +
      ", test: {synthetic: {seed: 3}}, tokenizer: {kind: bytes}, seq_len: 7, order: sequential, "
      "expect: wikitext-2, text_key: content, document_bounds: blocks");
  for (const TextConfig& text : {full.train, full.valid, *full.test})
    CHECK(text.text_key == "content");
  CHECK(full.test->synthetic_config.seed == 3);
  CHECK(full.tokenizer.kind == TokenizerKind::Bytes);
  CHECK(full.seq_len == 7);
  CHECK(full.order == BatchOrder::Sequential);
  CHECK(full.document_bounds == DocumentBounds::Blocks);
  CHECK(full.expect == KnownCorpus::WikiText2);
}

TEST_CASE("data config: wrong, missing and unknown keys are named") {
  for (const auto& [data, key] :
       {std::pair{"valid: v.txt, shards: s", "data.train"},
        std::pair{"train: t.txt, shards: s", "data.valid"},
        std::pair{"train: t.txt, valid: v.txt", "data.shards"},
        std::pair{"train: t, valid: v, shards: s, seq_len: 0", "data.seq_len"},
        std::pair{"train: t, valid: v, shards: s, order: random", "data.order"},
        std::pair{"train: t, valid: v, shards: s, expect: wikitext", "data.expect"},
        std::pair{"train: t, valid: v, shards: s, text_key: ''", "data.text_key"},
        std::pair{"train: t, valid: v, shards: s, document_bounds: files", "data.document_bounds"},
        std::pair{"train: t, valid: v, shards: s, order: fairseq, document_bounds: blocks",
                  "data.document_bounds"},
        std::pair{"train: [{weight: 1, source: t}], valid: v, shards: s, document_bounds: blocks",
                  "data.document_bounds"},
        std::pair{"train: t, valid: v, shards: s, sequence: 4", "data.sequence"},
        std::pair{"train: t, valid: v, shards: s, tokenizer: {kind: bytes, padding: 2}",
                  "data.tokenizer.padding"}}) {
    const auto error = testing::caught([&] { read(data); });
    CAPTURE(data, error.text);
    CHECK(error.kind == ErrorKind::Config);
    CHECK(error.text.find(key) != std::string::npos);
  }
}

}  // namespace longspan
