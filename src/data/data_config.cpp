// Reads the data section.
#include "data/batch_orders.h"
#include "data/known_corpora.h"
#include "data/mixture.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/data/shards.h"

namespace longspan {
namespace {

constexpr std::array kDocumentBounds{config::Choice{"none", DocumentBounds::None},
                                     config::Choice{"blocks", DocumentBounds::Blocks},
                                     config::Choice{"attention", DocumentBounds::Attention}};

bool is_made_from_text(const TokenizerConfig& tokenizer) {
  if (tokenizer.kind == TokenizerKind::Word) return tokenizer.dictionary.empty();
  return tokenizer.kind == TokenizerKind::SentencePiece && tokenizer.train;
}

// Ids have no text to make a tokenizer from.
void check_tokenizer_is_there(const config::Reader& reader, const DataConfig& config) {
  check(has_training_text(config) || !is_made_from_text(config.tokenizer), ErrorKind::Config,
        reader.place("tokenizer"),
        " must be one that is there, since data.train is token ids without a text: {kind: ids, "
        "vocab_size: N}, {kind: word, dictionary: FILE} for fairseq's dict.txt, or {kind: "
        "sentencepiece, model: FILE, train: false}; got a ",
        name_of(config.tokenizer.kind), " tokenizer that data.train would make");
}

void check_mixture(const config::Reader& reader, const DataConfig& config) {
  if (config.mixture.empty()) return;
  check(config.order != BatchOrder::Fairseq, ErrorKind::Config, reader.place("order"),
        " must be shuffled or sequential where data.train is a mixture, got fairseq, whose batches "
        "are of one text");
  check(config.expect == KnownCorpus::None, ErrorKind::Config, reader.place("expect"),
        " must be none where data.train is a mixture, got ",
        config::name_of(kKnownCorpora, config.expect));
}

void check_document_bounds(const config::Reader& reader, const DataConfig& config) {
  if (config.document_bounds != DocumentBounds::Blocks) return;
  check(config.order != BatchOrder::Fairseq, ErrorKind::Config, reader.place("document_bounds"),
        " must be none or attention in the order fairseq, whose blocks run across documents, got "
        "blocks");
  check(config.mixture.empty(), ErrorKind::Config, reader.place("document_bounds"),
        " must be none or attention where data.train is a mixture, whose shares are of sequences "
        "of seq_len tokens, got blocks");
}

}  // namespace

DataConfig read_data_config(const config::Reader& reader) {
  DataConfig config;
  if (reader.shape("train[0]") == "map")
    config.mixture = read_mixture(reader);
  else
    config.train = read_source_config(reader, "train");
  config.valid = read_source_config(reader, "valid");
  if (reader.has("test")) config.test = read_source_config(reader, "test");
  const std::string text_key = reader.text("text_key", config.train.text_key);
  check(!text_key.empty(), ErrorKind::Config, reader.place("text_key"), " must not be empty");
  config.train.text_key = config.valid.text_key = text_key;
  if (config.test) config.test->text_key = text_key;
  for (CorpusConfig& corpus : config.mixture) corpus.source.text_key = text_key;
  config.tokenizer = read_tokenizer_config(reader.section("tokenizer"));
  check_tokenizer_is_there(reader, config);
  config.shards = reader.path("shards");
  config.seq_len =
      reader.integer("seq_len", {.low = 1, .high = std::int64_t{1} << 24}, config.seq_len);
  config.order = config::choice(reader, "order", kBatchOrders, config.order);
  config.document_bounds =
      config::choice(reader, "document_bounds", kDocumentBounds, config.document_bounds);
  config.expect = config::choice(reader, "expect", kKnownCorpora, config.expect);
  reader.finish();
  check_mixture(reader, config);
  check_document_bounds(reader, config);
  return config;
}

}  // namespace longspan
