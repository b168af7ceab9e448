#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/core/random.h"

namespace longspan {

/// Lines to train on, in their order: all of a small text, a random sample of a large one. It is a
/// function of the lines and the limits: the seed never changes, since a tokenizer is not a run's.
class TrainingLines {
 public:
  TrainingLines(std::size_t max_bytes, std::size_t max_lines);

  void add(std::string_view line);
  const std::vector<std::string>& lines() const { return lines_; }
  std::size_t bytes() const { return bytes_; }
  /// Returns of how many lines one was taken on average: 1, 2, 4, ...
  std::uint64_t one_of() const { return kAllNumbers / limit_; }

 private:
  static constexpr std::uint64_t kAllNumbers = std::uint64_t{1} << 32;

  void halve();

  std::size_t max_bytes_, max_lines_;
  RandomStream random_;
  std::uint64_t limit_ = kAllNumbers;  // lines whose numbers are below it are kept
  std::vector<std::string> lines_;
  std::vector<std::uint32_t> numbers_;
  std::size_t bytes_ = 0;
};

}  // namespace longspan
