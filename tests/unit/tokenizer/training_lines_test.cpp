#include "tokenizer/training_lines.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace longspan {
namespace {

std::vector<std::string> numbered(int count) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i)
    lines.push_back((i % 2 == 0 ? "even " : "odd ") + std::to_string(i));
  return lines;
}

TrainingLines sample_of(const std::vector<std::string>& lines, std::size_t max_bytes,
                        std::size_t max_lines) {
  TrainingLines sample(max_bytes, max_lines);
  for (const std::string& line : lines) sample.add(line);
  return sample;
}

// Returns whether all of some lines stand in others, in their order.
bool are_of(const std::vector<std::string>& some, const std::vector<std::string>& lines) {
  auto at = lines.begin();
  for (const std::string& line : some) {
    at = std::find(at, lines.end(), line);
    if (at == lines.end()) return false;
    ++at;
  }
  return true;
}

}  // namespace

TEST_CASE("training lines: a small text is taken whole") {
  const auto lines = numbered(1000);
  const TrainingLines sample = sample_of(lines, 1 << 20, 1000);
  CHECK(sample.lines() == lines);
  CHECK(sample.one_of() == 1);
  CHECK(sample.bytes() == 7390);
}

TEST_CASE("training lines: a large text is sampled by chance, the same for the same text") {
  const auto lines = numbered(100000);
  const TrainingLines sample = sample_of(lines, 1 << 20, 10000);
  CHECK(sample.one_of() == 16);
  CHECK(std::abs(static_cast<int>(sample.lines().size()) - 100000 / 16) < 300);
  CHECK(are_of(sample.lines(), lines));
  const auto is_even = [](const std::string& line) { return line.starts_with("even"); };
  const auto num_even = std::ranges::count_if(sample.lines(), is_even);
  CHECK(std::abs(2 * num_even - static_cast<std::ptrdiff_t>(sample.lines().size())) < 400);
  CHECK(sample_of(lines, 1 << 20, 10000).lines() == sample.lines());
}

TEST_CASE(
    "training lines: neither limit is exceeded, and a tighter one takes a part of the sample") {
  const auto lines = numbered(20000);
  std::vector<std::string> before = lines;
  for (const std::size_t bytes : {100000u, 30000u, 5000u, 300u, 20u}) {
    const TrainingLines sample = sample_of(lines, bytes, 20000);
    std::size_t sum = 0;
    for (const std::string& line : sample.lines()) sum += line.size();
    CHECK(sample.bytes() == sum);
    CHECK(sum <= bytes);
    CHECK(are_of(sample.lines(), before));
    CHECK_FALSE(sample.lines().empty());
    before = sample.lines();
  }
}

TEST_CASE("training lines: one line stays, however long") {
  for (int count = 1; count < 6; ++count) {
    const TrainingLines sample = sample_of(std::vector<std::string>(count, "long"), 3, 10);
    CHECK(sample.lines() == std::vector<std::string>{"long"});
  }
}

}  // namespace longspan
