#include "longspan/config/choice.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "unit/config/reading.h"

namespace longspan::config {
namespace {

using testing::document_of;
using testing::refusal_of;

enum class Fruit { Apple, Pear, Quince };

constexpr std::array kFruits{
    Choice{"apple", Fruit::Apple},
    Choice{"pear", Fruit::Pear},
};

TEST_CASE("a name of a table is read as its value") {
  const Document document = document_of("k: pear");
  CHECK(choice(document.root(), "k", kFruits) == Fruit::Pear);
  CHECK(choice(document.root(), "k", kFruits, Fruit::Apple) == Fruit::Pear);
  CHECK(choice(document.root(), "absent", kFruits, Fruit::Apple) == Fruit::Apple);
}

TEST_CASE("resolved prints the names of a table's values") {
  const Document document = document_of("k: pear");
  choice(document.root(), "k", kFruits);
  choice(document.root(), "absent", kFruits, Fruit::Apple);
  CHECK(document.resolved() == "k: pear\nabsent: apple\n");
}

TEST_CASE("a name that a table lacks is refused with the names there") {
  const std::string text = "c.yaml:1:4: k must be one of apple, pear, got ";
  const auto read = [](const std::string& value) {
    choice(document_of("k: " + value).root(), "k", kFruits, Fruit::Apple);
  };
  CHECK(refusal_of([&] { read("peer"); }) == text + "peer; did you mean pear?");
  CHECK(refusal_of([&] { read("[pear]"); }) == text + "a list");
  CHECK(refusal_of([] { choice(document_of("{}").root(), "k", kFruits); }) ==
        "c.yaml:1:1: k must be given");
}

TEST_CASE("a table gives its names, and each from its value and back") {
  CHECK(names_of(kFruits) == std::vector<std::string>{"apple", "pear"});
  CHECK(name_of(kFruits, Fruit::Pear) == "pear");
  CHECK(value_of(kFruits, "apple") == Fruit::Apple);
}

TEST_CASE("what a table lacks is an internal error") {
  const auto kind_of = [](auto action) { return longspan::testing::error_of(action).kind(); };
  CHECK(kind_of([] { name_of(kFruits, Fruit::Quince); }) == ErrorKind::Internal);
  CHECK(kind_of([] { value_of(kFruits, "quince"); }) == ErrorKind::Internal);
}

TEST_CASE("a table may lead to functions") {
  using Half = int (*)(int);
  constexpr std::array<Choice<Half>, 2> kHalves{{
      {"down", [](int x) { return x / 2; }},
      {"up", [](int x) { return (x + 1) / 2; }},
  }};
  CHECK(choice(document_of("k: up").root(), "k", kHalves)(7) == 4);
  CHECK(name_of(kHalves, value_of(kHalves, "down")) == "down");
}

TEST_CASE("a row of a table may hold more than its name and value") {
  struct Row {
    std::string_view name;
    Fruit value;
    int price;
  };
  constexpr std::array kPrices{Row{"apple", Fruit::Apple, 3}, Row{"quince", Fruit::Quince, 8}};
  CHECK(row_of(kPrices, choice(document_of("k: quince").root(), "k", kPrices)).price == 8);
  CHECK(name_of(kPrices, choice(document_of("{}").root(), "k", kPrices, Fruit::Apple)) == "apple");
}

}  // namespace
}  // namespace longspan::config
