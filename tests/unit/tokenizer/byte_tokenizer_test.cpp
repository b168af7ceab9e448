#include <catch2/catch_test_macros.hpp>

#include "longspan/tokenizer/tokenizer.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

std::unique_ptr<Tokenizer> make() {
  TokenizerConfig config;
  config.kind = TokenizerKind::Bytes;
  return build_tokenizer(config, {});
}

}  // namespace

TEST_CASE("byte tokenizer: ids are bytes and a line ends with byte 10") {
  const auto tokenizer = make();
  std::vector<std::int32_t> ids;
  tokenizer->encode_line("A\xC3\xA9", ids);
  tokenizer->encode_line("", ids);
  CHECK(ids == std::vector<std::int32_t>{65, 0xC3, 0xA9, 10, 10});
  CHECK(tokenizer->decode(ids) == "A\xC3\xA9\n\n");
  CHECK(tokenizer->vocab_size() == 256);
  CHECK(tokenizer->start_id() == 10);
  CHECK(tokenizer->ends_line(10));
  CHECK_FALSE(tokenizer->ends_line(13));
}

TEST_CASE("byte tokenizer: an id above 255 is refused") {
  const auto error = testing::caught([] { make()->decode(std::vector{256}); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text == "a token id must be in 0 .. 255 for this bytes tokenizer, got 256");
}

}  // namespace longspan
