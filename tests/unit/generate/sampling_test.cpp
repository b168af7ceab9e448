// Draws against the shares that they should have. Uniform numbers in equal steps through [0, 1) hit
// an inverted distribution function as often as each share says, up to one.

#include "longspan/generate/sampling.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "longspan/core/error.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr int kDraws = 10000;

std::vector<float> logs(const std::vector<double>& shares) {
  std::vector<float> logs;
  for (const double share : shares) logs.push_back(static_cast<float>(std::log(share)));
  return logs;
}

std::map<int, int> counts(const std::vector<float>& log_p, const SamplingOptions& options,
                          const std::vector<std::int32_t>& seen = {}) {
  Sampler sampler(options);
  std::map<int, int> counts;
  for (int i = 0; i < kDraws; ++i) ++counts[sampler.choose(log_p, seen, (i + 0.5) / kDraws).id];
  return counts;
}

// Says which share is not met, up to a draw and float's rounding of log p.
std::string difference(const std::map<int, int>& found, const std::map<int, double>& shares) {
  for (const auto& [id, share] : shares) {
    const int count = found.contains(id) ? found.at(id) : 0;
    if (std::abs(count - share * kDraws) > 1.01)
      return concat("token ", id, ": share ", share, ", drawn ", count);
  }
  return found.size() == shares.size() ? "" : "tokens without a share were drawn";
}

std::string refusal(const SamplingOptions& options) {
  try {
    check_sampling(options);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return {};
}

const std::vector<float> kLogs = logs({0.1, 0.4, 0.05, 0.25, 0.2});

TEST_CASE("tokens are drawn as often as their probability says") {
  CHECK(difference(counts(kLogs, {}), {{0, 0.1}, {1, 0.4}, {2, 0.05}, {3, 0.25}, {4, 0.2}}) == "");
}

TEST_CASE("log p need not be normalized") {
  std::vector<float> shifted = kLogs;
  for (float& log_p : shifted) log_p -= 300;
  CHECK(difference(counts(shifted, {}), {{0, 0.1}, {1, 0.4}, {2, 0.05}, {3, 0.25}, {4, 0.2}}) ==
        "");
}

TEST_CASE("temperature raises each probability to its inverse") {
  const double sum = 0.01 + 0.16 + 0.0025 + 0.0625 + 0.04;
  CHECK(difference(counts(kLogs, {.temperature = 0.5}), {{0, 0.01 / sum},
                                                         {1, 0.16 / sum},
                                                         {2, 0.0025 / sum},
                                                         {3, 0.0625 / sum},
                                                         {4, 0.04 / sum}}) == "");
}

TEST_CASE("at temperature 0 the likeliest token comes, the lowest id of equals") {
  CHECK(counts(kLogs, {.temperature = 0}) == std::map<int, int>{{1, kDraws}});
  CHECK(counts(logs({0.2, 0.3, 0.2, 0.3}), {.temperature = 0}) == std::map<int, int>{{1, kDraws}});
}

TEST_CASE("top-k keeps the k likeliest, the lowest ids of equals") {
  CHECK(difference(counts(kLogs, {.top_k = 2}), {{1, 0.4 / 0.65}, {3, 0.25 / 0.65}}) == "");
  CHECK(difference(counts(logs({0.2, 0.3, 0.2, 0.3}), {.top_k = 3}),
                   {{0, 0.25}, {1, 0.375}, {3, 0.375}}) == "");
  CHECK(counts(kLogs, {.top_k = 1}) == std::map<int, int>{{1, kDraws}});
  CHECK(counts(kLogs, {.top_k = 500}) == counts(kLogs, {}));
}

TEST_CASE("top-p keeps the fewest likeliest whose share reaches p") {
  CHECK(difference(counts(kLogs, {.top_p = 0.5}), {{1, 0.4 / 0.65}, {3, 0.25 / 0.65}}) == "");
  CHECK(counts(kLogs, {.top_p = 0.39}) == std::map<int, int>{{1, kDraws}});
  CHECK(counts(kLogs, {.top_p = 1e-9}) == std::map<int, int>{{1, kDraws}});
}

TEST_CASE("top-p is a share of what top-k keeps") {
  // Of 0.4, 0.25 and 0.2 the first two are 0.76; of all tokens they are 0.65.
  CHECK(difference(counts(kLogs, {.top_k = 3, .top_p = 0.7}),
                   {{1, 0.4 / 0.65}, {3, 0.25 / 0.65}}) == "");
  CHECK(counts(kLogs, {.top_p = 0.7}).size() == 3);
}

TEST_CASE("the penalty makes each token that was seen less likely, once") {
  const double seen = std::pow(0.4, 1.5), sum = 0.1 + seen + 0.05 + 0.25 + 0.2;
  const auto found = counts(kLogs, {.repetition_penalty = 1.5}, {1, 1, 1});
  CHECK(difference(
            found,
            {{0, 0.1 / sum}, {1, seen / sum}, {2, 0.05 / sum}, {3, 0.25 / sum}, {4, 0.2 / sum}}) ==
        "");
}

TEST_CASE("the penalty of one call is none of the next") {
  Sampler sampler({.repetition_penalty = 10, .temperature = 0});
  CHECK(sampler.choose(kLogs, std::vector<std::int32_t>{1}, 0).id == 3);
  CHECK(sampler.choose(kLogs, {}, 0).id == 1);
}

TEST_CASE("a choice has the model's log p, whatever shaped the draw") {
  Sampler sampler({.repetition_penalty = 3, .temperature = 0.2, .top_k = 1});
  const auto choice = sampler.choose(kLogs, std::vector<std::int32_t>{1}, 0.5);
  CHECK(choice.id == 3);
  CHECK(choice.log_probability == static_cast<double>(kLogs[3]));
}

TEST_CASE("a token that cannot be is never drawn, and the last uniform number draws one") {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const std::vector<float> log_p{kNever, std::log(0.5f), kNever, std::log(0.5f)};
  CHECK(difference(counts(log_p, {}), {{1, 0.5}, {3, 0.5}}) == "");
  Sampler sampler({});
  CHECK(sampler.choose(log_p, {}, std::nextafter(1.0, 0.0)).id == 3);
}

TEST_CASE("log p that is no number ends a draw") {
  Sampler sampler({});
  const auto draw = [&](std::vector<float> log_p) {
    try {
      sampler.choose(log_p, {}, 0.5);
    } catch (const Error& error) {
      return concat(error.kind() == ErrorKind::Numeric, " ", error.what());
    }
    return std::string("drawn");
  };
  CHECK_THAT(draw({0, std::numeric_limits<float>::quiet_NaN()}),
             ContainsSubstring("1 log p of token 1 must be a number"));
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  CHECK_THAT(draw({kNever, kNever}), ContainsSubstring("1 the greatest log p must be a finite"));
}

TEST_CASE("options out of their range are refused by name") {
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  const double kInfinite = std::numeric_limits<double>::infinity();
  for (const double temperature : {-0.1, kNan, kInfinite})
    CHECK_THAT(refusal({.temperature = temperature}), ContainsSubstring("--temperature must be"));
  CHECK_THAT(refusal({.top_k = -1}), ContainsSubstring("--top-k must be at least 0"));
  for (const double p : {0.0, -1.0, 1.01, kNan})
    CHECK_THAT(refusal({.top_p = p}), ContainsSubstring("--top-p must be above 0"));
  for (const double penalty : {0.9, kNan, kInfinite})
    CHECK_THAT(refusal({.repetition_penalty = penalty}),
               ContainsSubstring("--repetition-penalty must be"));
  CHECK(refusal({}) == "");
}

}  // namespace
}  // namespace longspan
