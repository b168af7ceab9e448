// How a stream is cut into windows, and how users write that down.

#include "longspan/evaluate/protocol.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "longspan/core/error.h"
#include "longspan/core/evaluation_format.h"

namespace longspan {
namespace {

constexpr std::int64_t kMaxLength = std::int64_t{1} << 32;
constexpr std::size_t kMaxLengths = 100000;

// Returns the positive decimal number that the whole text is.
std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = failure == std::errc() && end == text.data() + text.size();
  return whole && number >= 1 && number <= kMaxLength ? std::optional(number) : std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Appends the lengths of one part: a number, first:last or first:last:step. Returns whether it is
// one of these.
bool append_lengths(std::string_view part, std::vector<std::int64_t>& lengths) {
  std::vector<std::int64_t> numbers;
  for (const std::string_view text : split(part, ':')) {
    const auto number = parse_number(text);
    if (!number) return false;
    numbers.push_back(*number);
  }
  if (numbers.size() > 3 || (numbers.size() > 1 && numbers[0] > numbers[1])) return false;
  if (numbers.size() == 1) numbers.push_back(numbers[0]);
  for (std::int64_t length = numbers[0]; length <= numbers[1] && lengths.size() <= kMaxLengths;
       length += numbers.size() == 3 ? numbers[2] : length) {
    lengths.push_back(length);
  }
  return lengths.size() <= kMaxLengths;
}

}  // namespace

std::string EvaluationMode::name() const {
  return stride == 0 ? std::string(kNonOverlapping) : concat(kStridePrefix, stride);
}

EvaluationMode parse_mode(std::string_view text, std::string_view place) {
  if (text == kNonOverlapping) return {};
  const auto stride = text.starts_with(kStridePrefix)
                          ? parse_number(text.substr(kStridePrefix.size()))
                          : std::nullopt;
  check(stride.has_value(), ErrorKind::Config, place, " must be ", kNonOverlapping, " or ",
        kStridePrefix, "S with S >= 1, got ", text);
  return {*stride};
}

std::vector<std::int64_t> default_lengths(std::int64_t train_length,
                                          std::optional<std::int64_t> max_positions) {
  constexpr std::int64_t kGreatestFactor = 16;
  std::vector<std::int64_t> lengths;
  for (std::int64_t factor = 1; factor <= kGreatestFactor; factor *= 2)
    if (const auto length = factor * train_length; !max_positions || length <= *max_positions)
      lengths.push_back(length);
  return lengths;
}

std::vector<std::int64_t> parse_lengths(std::string_view text, std::string_view place) {
  std::vector<std::int64_t> lengths;
  for (const std::string_view part : split(text, ',')) {
    check(append_lengths(part, lengths), ErrorKind::Config, place,
          " must be like 64,128,256 or 64:4096 (doubling) or 64:4096:64 (step), got ", text);
  }
  return lengths;
}

std::vector<Window> make_windows(std::int64_t num_tokens, std::int64_t length,
                                 EvaluationMode mode) {
  check(length >= 1, ErrorKind::Config, "the evaluation length must be >= 1, got ", length);
  check(mode.stride >= 0 && mode.stride <= length, ErrorKind::Config,
        "the stride must be at most the evaluation length (", length, "), got ", mode.name());
  const std::int64_t step = mode.stride == 0 ? length : mode.stride;
  std::vector<Window> windows;
  for (std::int64_t begin = 0; begin < num_tokens; begin += step) {
    windows.push_back({std::max<std::int64_t>(0, begin - (length - step)), begin,
                       std::min(begin + step, num_tokens)});
  }
  return windows;
}

}  // namespace longspan
