#include <catch2/catch_test_macros.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/data/text.h"
#include "longspan/tokenizer/words.h"

namespace longspan {
namespace {

SyntheticConfig config_of(std::int64_t seed, std::int64_t num_articles,
                          std::int64_t vocab_words = 400) {
  return {seed, num_articles, vocab_words};
}

std::vector<std::string> lines_of(const SyntheticConfig& config) {
  std::vector<std::string> lines;
  write_synthetic_text(config, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

bool is_title(const std::string& line) {
  return line.starts_with(" = ") && !line.starts_with(" = = ");
}

// Splits before the blank line in front of each title.
std::vector<std::vector<std::string>> articles_of(const SyntheticConfig& config) {
  std::vector<std::vector<std::string>> articles;
  const std::vector<std::string> lines = lines_of(config);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i + 1 < lines.size() && is_title(lines[i + 1])) articles.emplace_back();
    articles.back().push_back(lines[i]);
  }
  return articles;
}

std::map<std::string, int> count_all_words(const std::vector<std::string>& lines) {
  std::map<std::string, int> counts;
  for (std::string_view line : lines) {
    for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
      ++counts[std::string(word)];
  }
  return counts;
}

}  // namespace

TEST_CASE("synthetic text: article i is a function of seed and i") {
  const auto five = articles_of(config_of(1, 5));
  const auto three = articles_of(config_of(1, 3));
  REQUIRE(five.size() == 5);
  REQUIRE(three.size() == 3);
  for (std::size_t i = 0; i < three.size(); ++i) CHECK(three[i] == five[i]);
  CHECK(five[0] != five[1]);
  CHECK(articles_of(config_of(2, 1))[0] != five[0]);
}

// A change here changes what every saved run was trained on: raise kSyntheticTextVersion with it.
TEST_CASE("synthetic text: the same bytes on every machine") {
  Hasher hasher;
  for (const std::string& line : lines_of(config_of(1, 3))) hasher.update(line + "\n");
  CHECK(hasher.digest() == "047d5316e8a272c94c7ecb3f50d66016");
}

TEST_CASE("synthetic text: has WikiText's form") {
  for (const auto& article : articles_of(config_of(3, 4))) {
    CHECK(article[0] == " ");
    CHECK(is_title(article[1]));
    CHECK(article[2] == " ");
    std::size_t headings = 0;
    for (const std::string& line : article) {
      CHECK(line.starts_with(" "));
      CHECK(line.ends_with(" "));
      CHECK(line.find("  ") == std::string::npos);
      if (line.starts_with(" = = ")) {
        ++headings;
        CHECK(line.ends_with(" = = "));
      } else if (line.starts_with(" = ")) {
        CHECK(line.ends_with(" = "));
      } else if (line != " ") {
        CHECK(line.ends_with(" . "));
      }
    }
    CHECK(headings > 0);
  }
}

TEST_CASE("synthetic text: articles are 300 to about 3000 tokens long") {
  std::int64_t longest = 0;
  for (const auto& article : articles_of(config_of(4, 40))) {
    std::int64_t tokens = 0;
    for (const std::string& line : article) tokens += count_words(line) + 1;
    CHECK(tokens >= 300);
    CHECK(tokens <= 3600);
    longest = std::max(longest, tokens);
  }
  CHECK(longest > 1500);
}

TEST_CASE("synthetic text: seeds share the language") {
  const auto train = count_all_words(lines_of(config_of(1, 120)));
  const auto valid = count_all_words(lines_of(config_of(2, 20)));
  std::int64_t known = 0, all = 0;
  for (const auto& [word, count] : valid) {
    all += count;
    if (train.contains(word)) known += count;
  }
  CHECK(static_cast<double>(known) > 0.98 * static_cast<double>(all));
}

TEST_CASE("synthetic text: names and phrases come back inside an article and are rare outside") {
  const auto articles = articles_of(config_of(5, 30));
  const std::map<std::string, int> first = count_all_words(articles[0]);
  std::string title = articles[0][1];
  const std::string surname =
      title.substr(title.find(' ', 3) + 1, title.rfind(" = ") - title.find(' ', 3) - 1);
  CAPTURE(title, surname);
  CHECK(first.at(surname) >= 5);
  int others = 0;
  for (std::size_t i = 1; i < articles.size(); ++i)
    others += count_all_words(articles[i]).contains(surname) ? 1 : 0;
  CHECK(others <= 10);
}

}  // namespace longspan
