// score_targets against a plain loop that scores one window at a time, one row a pass, every
// position through the head.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "longspan/data/batches.h"
#include "unit/evaluate/tiny_model.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace longspan::testing {
namespace {

std::vector<double> plain_scores(const Transformer& model, const std::vector<std::int32_t>& ids,
                                 std::int64_t length, EvaluationMode mode) {
  const at::NoGradGuard no_gradient;
  std::vector<double> scores;
  const auto size = static_cast<std::int64_t>(ids.size());
  for (const Window& window : make_windows(size, length, mode)) {
    const std::int64_t T = window.end - window.context_begin;
    at::Tensor inputs_BT = at::zeros({1, T}, at::kLong);
    auto* inputs = inputs_BT.mutable_data_ptr<std::int64_t>();
    for (std::int64_t t = 0; t < T; ++t) {
      const std::int64_t target = window.context_begin + t;
      inputs[t] = target == 0 ? kTinyStart : ids[static_cast<std::size_t>(target - 1)];
    }
    const at::Tensor log_p_NV =
        model.log_probabilities(model.features(inputs_BT, {})[0]).contiguous();
    for (std::int64_t target = window.score_begin; target < window.end; ++target) {
      const std::int64_t row = target - window.context_begin;
      scores.push_back(log_p_NV.const_data_ptr<float>()[row * kTinyVocabulary +
                                                        ids[static_cast<std::size_t>(target)]]);
    }
  }
  return scores;
}

double largest_difference(const std::vector<double>& some, const std::vector<double>& others) {
  REQUIRE(some.size() == others.size());
  double difference = 0.0;
  for (std::size_t i = 0; i < some.size(); ++i)
    difference = std::max(difference, std::abs(some[i] - others[i]));
  return difference;
}

TEST_CASE("scores in batches equal those of one window at a time") {
  const std::string kind = GENERATE("alibi", "sinusoidal", "rotary", "t5", "none");
  const Transformer model = tiny_model(default_position_options(kind));
  const std::int64_t size = 61;
  const auto [length, stride] = GENERATE(table<std::int64_t, std::int64_t>(
      {{7, 0}, {16, 0}, {200, 0}, {1, 0}, {7, 1}, {11, 4}, {11, 10}, {13, 13}, {90, 1}, {90, 20}}));
  INFO(kind << " length " << length << " stride " << stride);
  const auto expected = plain_scores(model, tiny_ids(size, 1), length, {stride});
  for (const std::int64_t max_batch_tokens : {1, 30, 8192}) {
    const EvaluationOptions options{.train_length = 8, .max_batch_tokens = max_batch_tokens};
    CHECK(largest_difference(score_targets(model, tiny_text(size, 1), length, {stride}, options),
                             expected) < 1e-5);
  }
}

TEST_CASE("only the first max_targets targets are scored") {
  const Transformer model = tiny_model(AlibiOptions{});
  const auto all = score_targets(model, tiny_text(40, 2), 9, {3}, {});
  const auto first = score_targets(model, tiny_text(40, 2), 9, {3}, {.max_targets = 17});
  REQUIRE(first.size() == 17);
  CHECK(largest_difference(first, {all.begin(), all.begin() + 17}) < 1e-5);
  CHECK(score_targets(model, tiny_text(40, 2), 9, {3}, {.max_targets = 900}).size() == 40);
}

TEST_CASE("scores are finite, negative and without a gradient") {
  const Transformer model = tiny_model(AlibiOptions{});
  for (const double score : score_targets(model, tiny_text(30, 2), 9, {}, {})) {
    CHECK(std::isfinite(score));
    CHECK(score < 0.0);
  }
  for (const auto& [name, tensor] : model.parameters()) CHECK_FALSE(tensor.grad().defined());
}

void check_refused(const Transformer& model, const EvaluationText& text, std::int64_t length,
                   EvaluationMode mode, ErrorKind kind, const std::string& piece) {
  try {
    score_targets(model, text, length, mode, {});
    FAIL("accepted, instead of " << piece);
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring(piece));
  }
}

TEST_CASE("a length that the position method cannot do is refused before any work") {
  const Transformer model = tiny_model(LearnedOptions{});
  const std::int64_t limit = model.position().max_positions().value();
  check_refused(model, tiny_text(40, 2), limit + 1, {}, ErrorKind::Config,
                concat("the evaluation length must be at most the ", limit, " positions"));
  check_refused(model, tiny_text(40, 2), limit + 1, {}, ErrorKind::Config,
                concat("got ", limit + 1));
  CHECK(score_targets(model, tiny_text(40, 2), limit, {}, {}).size() == 40);
}

TEST_CASE("a stride over the length and an empty text are refused") {
  const Transformer model = tiny_model(AlibiOptions{});
  check_refused(model, tiny_text(40, 2), 5, {6}, ErrorKind::Config, "got stride:6");
  check_refused(model, tiny_text(40, 2), 0, {}, ErrorKind::Config,
                "the evaluation length must be >= 1, got 0");
  check_refused(model, tiny_text(0, 2), 5, {}, ErrorKind::Data,
                "the text of split valid must have a token");
}

}  // namespace
}  // namespace longspan::testing
