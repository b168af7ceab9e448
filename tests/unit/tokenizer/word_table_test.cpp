#include "tokenizer/word_table.h"

#include <catch2/catch_test_macros.hpp>

namespace longspan {

TEST_CASE("word table: numbers words in the order of insertion") {
  WordTable table;
  CHECK(table.insert("cat") == 0);
  CHECK(table.insert("") == 1);
  CHECK(table.insert("dog") == 2);
  CHECK(table.insert("cat") == 0);
  CHECK(table.size() == 3);
  CHECK(table.find("dog") == 2);
  CHECK(table.find("do") == -1);
  CHECK(table.word(0) == "cat");
}

TEST_CASE("word table: keeps every word while it grows, whatever its length") {
  WordTable table;
  const auto word = [](int number) {
    return std::string(static_cast<std::size_t>(number % 19), 'x') + std::to_string(number);
  };
  for (int number = 0; number < 5000; ++number) REQUIRE(table.insert(word(number)) == number);
  for (int number = 0; number < 5000; ++number) {
    REQUIRE(table.find(word(number)) == number);
    REQUIRE(table.word(number) == word(number));
  }
  CHECK(table.find("x") == -1);
}

}  // namespace longspan
