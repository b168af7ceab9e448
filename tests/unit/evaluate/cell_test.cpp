// The numbers of a cell against the scores that they are made of.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "unit/evaluate/tiny_model.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>

namespace longspan::testing {
namespace {

using Catch::Matchers::WithinRel;

TEST_CASE("a cell is made of its targets' scores") {
  const Transformer model = tiny_model(AlibiOptions{});
  const EvaluationText text = tiny_text(50, 4);
  const EvaluationOptions options{.train_length = 8};
  const EvaluationCell cell = evaluate_cell(model, text, 12, {}, options);
  const std::vector<double> scores = score_targets(model, text, 12, {}, options);
  double total = 0.0, early = 0.0, full = 0.0;
  int num_early = 0, num_full = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const std::size_t context = i % 12 + 1;
    total -= scores[i];
    if (context < 4) early -= scores[i], ++num_early;
    if (context >= 8) full -= scores[i], ++num_full;
  }
  CHECK(cell.length == 12);
  CHECK(cell.targets == 50);
  CHECK_THAT(cell.loss_nats, WithinRel(total / 50, 1e-12));
  CHECK_THAT(cell.ppl, WithinRel(std::exp(total / 50), 1e-12));
  CHECK_THAT(cell.word_ppl, WithinRel(std::exp(total / 25), 1e-12));
  CHECK_THAT(cell.bits_per_byte, WithinRel(total / std::numbers::ln2 / 200, 1e-12));
  CHECK_THAT(cell.early_token_loss, WithinRel(early / num_early, 1e-12));
  CHECK_THAT(cell.full_context_loss, WithinRel(full / num_full, 1e-12));
  CHECK(num_early == 14);
  CHECK(num_full == 20);
  CHECK(cell.ppl_stderr > 0.0);
  CHECK(cell.tokens_per_second > 0.0);
  CHECK(cell.peak_bytes > 1000000);
}

TEST_CASE("a longer cell tells its gain over the trained length, and where it comes from") {
  const Transformer model = tiny_model(AlibiOptions{});
  const EvaluationText text = tiny_text(50, 4);
  const EvaluationOptions options{.train_length = 8};
  const ScoredCell trained = score_cell(model, text, 8, {}, options);
  CHECK_FALSE(score_cell(model, text, 8, {}, options, &trained.losses).cell.gain);
  CHECK_FALSE(score_cell(model, text, 6, {}, options, &trained.losses).cell.gain);
  CHECK_FALSE(score_cell(model, text, 20, {}, options).cell.gain);
  const auto [cell, losses] = score_cell(model, text, 20, {}, options, &trained.losses);
  REQUIRE(cell.gain);
  double early = 0.0, longer = 0.0;
  for (std::size_t i = 0; i < losses.size(); ++i)
    (i % 20 < 8 ? early : longer) += trained.losses[i] - losses[i];
  CHECK_THAT(cell.gain->fewer_early_tokens_nats, WithinRel(early / 50, 1e-9));
  CHECK_THAT(cell.gain->longer_context_nats, WithinRel(longer / 50, 1e-9));
  CHECK(std::abs(cell.gain->total_nats - (trained.cell.loss_nats - cell.loss_nats)) < 1e-12);
  double by_context = 0.0;
  for (const ContextBucket& bucket : cell.loss_by_context)
    by_context += bucket.loss_nats * static_cast<double>(bucket.targets);
  CHECK_THAT(by_context / 50, WithinRel(cell.loss_nats, 1e-12));
}

TEST_CASE("targets_hash is that of the targets, the same for every length and mode") {
  const Transformer model = tiny_model(AlibiOptions{});
  const auto hash = [&](const EvaluationText& text, std::int64_t length, EvaluationMode mode,
                        std::int64_t max_targets) {
    return evaluate_cell(model, text, length, mode, {.train_length = 8, .max_targets = max_targets})
        .targets_hash;
  };
  const std::string first = hash(tiny_text(50, 4), 8, {}, 0);
  CHECK(first.size() == 32);
  CHECK(hash(tiny_text(50, 4), 31, {}, 0) == first);
  CHECK(hash(tiny_text(50, 4), 31, {5}, 0) == first);
  CHECK(hash(tiny_text(50, 5), 8, {}, 0) != first);
  CHECK(hash(tiny_text(50, 4), 8, {}, 49) != first);
}

TEST_CASE("measures of the raw text are not a number when a part was scored, and null in JSON") {
  const Transformer model = tiny_model(AlibiOptions{});
  const EvaluationCell cell =
      evaluate_cell(model, tiny_text(50, 4), 6, {}, {.train_length = 8, .max_targets = 20});
  CHECK(cell.targets == 20);
  CHECK(std::isnan(cell.word_ppl));
  CHECK(std::isnan(cell.bits_per_byte));
  CHECK(std::isnan(cell.full_context_loss));
  const Json read_back = Json::parse(to_json(cell).dump());
  CHECK(read_back["word_ppl"].is_null());
  CHECK(read_back["full_context_loss"].is_null());
  CHECK(read_back["ppl"].get<double>() == cell.ppl);
}

TEST_CASE("a cell's JSON has the keys of the interface in its order") {
  EvaluationCell cell;
  cell.length = 64;
  std::vector<std::string> keys;
  const Json json = to_json(cell);
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"length", "mode", "stride", "targets", "targets_hash",
                                         "loss_nats", "ppl", "ppl_stderr", "word_ppl",
                                         "bits_per_byte", "early_token_loss", "full_context_loss",
                                         "tokens_per_second", "peak_bytes", "ppl_interval",
                                         "loss_by_context", "gain"});
  CHECK(json["mode"] == "nonoverlapping");
  CHECK(json["stride"] == 64);
  cell.mode = {5};
  CHECK(to_json(cell)["mode"] == "stride:5");
  CHECK(to_json(cell)["stride"] == 5);
}

}  // namespace
}  // namespace longspan::testing
