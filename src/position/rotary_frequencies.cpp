// Rotary's frequencies theta_j = base^(-2j/d), and how they change for sequences longer than the
// trained ones. A pair turns L theta_j / 2 pi times within L positions.

#include "position/rotary_frequencies.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "position/angle_table.h"
#include "position/kinds.h"

namespace longspan {
namespace {

using Frequencies = std::vector<long double>;
constexpr double kTurn = 2.0 * std::numbers::pi;

struct Numbers {
  const RotaryInterpolation& rule;
  double base;
  std::int64_t num_pairs;
  double length;  // L
};

Frequencies unchanged(const Numbers& numbers) {
  const auto F = static_cast<double>(numbers.num_pairs);
  return powers_of({numbers.base, F, 0, numbers.num_pairs});
}

void linear(const Numbers& numbers, RotaryFrequencies& result) {
  for (auto& frequency : result.values) frequency /= numbers.rule.factor;
}

// The slowest pair is divided by the factor, the fastest stays.
void ntk(const Numbers& numbers, RotaryFrequencies& result) {
  const auto d = static_cast<double>(2 * numbers.num_pairs);
  const double base = numbers.base * std::pow(numbers.rule.factor, d / (d - 2.0));
  result.values = powers_of({base, d / 2.0, 0, numbers.num_pairs});
}

// The pair, a real number, that turns `turns` times within L.
double pair_that_turns(double turns, const Numbers& numbers) {
  const auto d = static_cast<double>(2 * numbers.num_pairs);
  return d * std::log(numbers.length / (turns * kTurn)) / (2.0 * std::log(numbers.base));
}

// Equations 17 to 22, with the limits rounded outwards as the authors' code does.
void yarn(const Numbers& numbers, RotaryFrequencies& result) {
  const RotaryInterpolation& rule = numbers.rule;
  const auto d = static_cast<double>(2 * numbers.num_pairs);
  const double first = std::max(std::floor(pair_that_turns(rule.beta_fast, numbers)), 0.0);
  double last = std::min(std::ceil(pair_that_turns(rule.beta_slow, numbers)), d - 1.0);
  if (first == last) last += 0.001;
  for (std::size_t j = 0; j < result.values.size(); ++j) {
    const double ramp = std::clamp((static_cast<double>(j) - first) / (last - first), 0.0, 1.0);
    result.values[j] *= ramp / rule.factor + (1.0 - ramp);
  }
  result.amplitude =
      rule.attention_factor > 0.0 ? rule.attention_factor : 0.1 * std::log(rule.factor) + 1.0;
}

void llama3(const Numbers& numbers, RotaryFrequencies& result) {
  const RotaryInterpolation& rule = numbers.rule;
  for (auto& frequency : result.values) {
    const double turns = numbers.length * static_cast<double>(frequency) / kTurn;
    const double kept = std::clamp(
        (turns - rule.low_freq_factor) / (rule.high_freq_factor - rule.low_freq_factor), 0.0, 1.0);
    frequency *= kept + (1.0 - kept) / rule.factor;
  }
}

// A rule, and the numbers that it knows besides the factor.
struct Rule {
  std::string_view name;
  InterpolationRule value;
  void (*apply)(const Numbers& numbers, RotaryFrequencies& result);
  void (*read)(const config::Reader& reader, RotaryInterpolation& rule);
};

void read_nothing(const config::Reader&, RotaryInterpolation&) {}

void read_length(const config::Reader& reader, RotaryInterpolation& rule) {
  rule.original_length =
      reader.integer("original_length", {.low = 0, .high = 1 << 24}, rule.original_length);
}

void check_order(const config::Reader& reader, std::string_view greater, double high, double low,
                 std::string_view smaller) {
  check(high > low, ErrorKind::Config, reader.place(greater), " must be greater than ", smaller,
        " (", low, "), got ", high);
}

void read_yarn(const config::Reader& reader, RotaryInterpolation& rule) {
  read_length(reader, rule);
  rule.beta_fast = reader.number("beta_fast", {.high = 1e6, .above = 0.0}, rule.beta_fast);
  rule.beta_slow = reader.number("beta_slow", {.high = 1e6, .above = 0.0}, rule.beta_slow);
  check_order(reader, "beta_fast", rule.beta_fast, rule.beta_slow, "beta_slow");
  rule.attention_factor =
      reader.number("attention_factor", {.low = 0.0, .high = 1e3}, rule.attention_factor);
}

void read_llama3(const config::Reader& reader, RotaryInterpolation& rule) {
  read_length(reader, rule);
  rule.low_freq_factor =
      reader.number("low_freq_factor", {.high = 1e6, .above = 0.0}, rule.low_freq_factor);
  rule.high_freq_factor =
      reader.number("high_freq_factor", {.high = 1e6, .above = 0.0}, rule.high_freq_factor);
  check_order(reader, "high_freq_factor", rule.high_freq_factor, rule.low_freq_factor,
              "low_freq_factor");
}

constexpr std::array kRules{Rule{"linear", InterpolationRule::Linear, linear, read_nothing},
                            Rule{"ntk", InterpolationRule::Ntk, ntk, read_nothing},
                            Rule{"yarn", InterpolationRule::Yarn, yarn, read_yarn},
                            Rule{"llama3", InterpolationRule::Llama3, llama3, read_llama3}};

}  // namespace

void read(const config::Reader& reader, RotaryInterpolation& interpolation) {
  interpolation.factor = read_interpolation(reader, interpolation.factor);
  interpolation.rule = config::choice(reader, "interpolation_rule", kRules, interpolation.rule);
  config::row_of(kRules, interpolation.rule).read(reader, interpolation);
}

RotaryFrequencies rotary_frequencies(const RotaryOptions& options, std::int64_t num_pairs,
                                     std::int64_t seq_len) {
  const RotaryInterpolation& rule = options.interpolation;
  const std::int64_t length = rule.original_length > 0 ? rule.original_length : seq_len;
  const Numbers numbers{rule, options.base, num_pairs, static_cast<double>(length)};
  RotaryFrequencies result{unchanged(numbers)};
  if (rule.factor == 1.0) return result;
  check(rule.rule != InterpolationRule::Ntk || num_pairs > 1, ErrorKind::Config, options.place,
        ".interpolation_rule must not be ntk where one pair of each head is turned");
  config::row_of(kRules, rule.rule).apply(numbers, result);
  return result;
}

}  // namespace longspan
