// Each line has a random number of its own, so that a sample which turns out too large is thinned
// to what a smaller limit would have kept. Every 2nd, 4th, ... line would be all titles of one text
// and all blank lines of another.
#include "tokenizer/training_lines.h"

#include <algorithm>
#include <utility>

namespace longspan {
namespace {

constexpr std::uint64_t kSeed = 1;

}  // namespace

TrainingLines::TrainingLines(std::size_t max_bytes, std::size_t max_lines)
    : max_bytes_(max_bytes), max_lines_(max_lines), random_(kSeed, RandomPurpose::Sampling, 0) {}

void TrainingLines::add(std::string_view line) {
  const std::uint32_t number = random_.bits();
  if (number >= limit_) return;
  lines_.emplace_back(line);
  numbers_.push_back(number);
  bytes_ += line.size();
  while (lines_.size() > 1 && limit_ > 1 && (bytes_ > max_bytes_ || lines_.size() > max_lines_))
    halve();
}

void TrainingLines::halve() {
  limit_ /= 2;
  const auto least = std::ranges::min_element(numbers_) - numbers_.begin();  // one line stays
  std::size_t kept = 0;
  bytes_ = 0;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (numbers_[i] >= limit_ && static_cast<std::ptrdiff_t>(i) != least) continue;
    if (kept != i) lines_[kept] = std::move(lines_[i]);
    numbers_[kept] = numbers_[i];
    bytes_ += lines_[kept++].size();
  }
  lines_.resize(kept);
  numbers_.resize(kept);
}

}  // namespace longspan
