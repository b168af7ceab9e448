#include <catch2/catch_test_macros.hpp>

#include "longspan/core/files.h"
#include "longspan/tokenizer/tokenizer.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

std::unique_ptr<Tokenizer> make(std::int64_t vocab_size = 100) {
  TokenizerConfig config;
  config.kind = TokenizerKind::Ids;
  config.vocab_size = vocab_size;
  return build_tokenizer(config, {});
}

}  // namespace

TEST_CASE("id tokenizer: a line is decimal ids between blanks, and nothing ends it") {
  const auto tokenizer = make();
  std::vector<std::int32_t> ids;
  tokenizer->encode_line(" 7 0\t99  007 ", ids);
  tokenizer->encode_line("", ids);
  CHECK(ids == std::vector<std::int32_t>{7, 0, 99, 7});
  CHECK(tokenizer->decode(ids) == "7 0 99 7");
  CHECK(tokenizer->vocab_size() == 100);
  CHECK(tokenizer->start_id() == 0);
  for (std::int32_t id = 0; id < 100; ++id) CHECK_FALSE(tokenizer->ends_line(id));
}

TEST_CASE("id tokenizer: what is no id below vocab_size is refused") {
  const auto tokenizer = make();
  for (const char* word :
       {"100", "-1", "+1", "1.0", "0x1", "12a", "a", "4294967297", "99999999999999999999"}) {
    std::vector<std::int32_t> ids;
    const auto error = testing::caught([&] { tokenizer->encode_line(word, ids); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text ==
          "a text for the tokenizer kind ids must be decimal ids in 0 .. 99 between "
          "blanks, got '" +
              std::string(word) + "'");
  }
  const auto error = testing::caught([&] { tokenizer->decode(std::vector{100}); });
  CHECK(error.text == "a token id must be in 0 .. 99 for this ids tokenizer, got 100");
}

TEST_CASE("id tokenizer: the fingerprint follows the number of ids, a damaged one is refused") {
  CHECK(make(5)->fingerprint() == make(5)->fingerprint());
  CHECK(make(5)->fingerprint() != make(6)->fingerprint());
  const testing::TemporaryFolder folder;
  make(5)->save(folder.path());
  CHECK(load_tokenizer(folder.path())->vocab_size() == 5);
  std::string text = read_file(folder.path() / "tokenizer.json");
  text.replace(text.find("\"vocab_size\": 5"), 15, "\"vocab_size\": 0");
  write_file_durably(folder.path() / "tokenizer.json", text);
  const auto error = testing::caught([&] { load_tokenizer(folder.path()); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text.ends_with("vocab_size must be an integer from 1 to 2147483647, got 0"));
}

}  // namespace longspan
