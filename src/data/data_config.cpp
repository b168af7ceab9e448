// Reads the data section.
#include "data/batch_orders.h"
#include "data/known_corpora.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/data/shards.h"

namespace longspan {

DataConfig read_data_config(const config::Reader& reader) {
  DataConfig config;
  config.train = read_text_config(reader, "train");
  config.valid = read_text_config(reader, "valid");
  if (reader.has("test")) config.test = read_text_config(reader, "test");
  const std::string text_key = reader.text("text_key", config.train.text_key);
  check(!text_key.empty(), ErrorKind::Config, reader.place("text_key"), " must not be empty");
  config.train.text_key = config.valid.text_key = text_key;
  if (config.test) config.test->text_key = text_key;
  config.tokenizer = read_tokenizer_config(reader.section("tokenizer"));
  config.shards = reader.path("shards");
  config.seq_len =
      reader.integer("seq_len", {.low = 1, .high = std::int64_t{1} << 24}, config.seq_len);
  config.order = config::choice(reader, "order", kBatchOrders, config.order);
  config.expect = config::choice(reader, "expect", kKnownCorpora, config.expect);
  reader.finish();
  return config;
}

}  // namespace longspan
