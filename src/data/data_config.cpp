// Reads the data section.
#include "data/batch_orders.h"
#include "data/known_corpora.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/data/shards.h"

namespace longspan {
namespace {

bool is_made_from_text(const TokenizerConfig& tokenizer) {
  if (tokenizer.kind == TokenizerKind::Word) return tokenizer.dictionary.empty();
  return tokenizer.kind == TokenizerKind::SentencePiece && tokenizer.train;
}

// Ids have no text to make a tokenizer from.
void check_tokenizer_is_there(const config::Reader& reader, const DataConfig& config) {
  check(!config.train.tokens || !is_made_from_text(config.tokenizer), ErrorKind::Config,
        reader.place("tokenizer"),
        " must be one that is there, since data.train is token ids without a text: {kind: ids, "
        "vocab_size: N}, {kind: word, dictionary: FILE} for fairseq's dict.txt, or {kind: "
        "sentencepiece, model: FILE, train: false}; got a ",
        name_of(config.tokenizer.kind), " tokenizer that data.train would make");
}

}  // namespace

DataConfig read_data_config(const config::Reader& reader) {
  DataConfig config;
  config.train = read_source_config(reader, "train");
  config.valid = read_source_config(reader, "valid");
  if (reader.has("test")) config.test = read_source_config(reader, "test");
  const std::string text_key = reader.text("text_key", config.train.text_key);
  check(!text_key.empty(), ErrorKind::Config, reader.place("text_key"), " must not be empty");
  config.train.text_key = config.valid.text_key = text_key;
  if (config.test) config.test->text_key = text_key;
  config.tokenizer = read_tokenizer_config(reader.section("tokenizer"));
  check_tokenizer_is_there(reader, config);
  config.shards = reader.path("shards");
  config.seq_len =
      reader.integer("seq_len", {.low = 1, .high = std::int64_t{1} << 24}, config.seq_len);
  config.order = config::choice(reader, "order", kBatchOrders, config.order);
  config.expect = config::choice(reader, "expect", kKnownCorpora, config.expect);
  reader.finish();
  return config;
}

}  // namespace longspan
