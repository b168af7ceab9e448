// Every figure of the ALiBi paper's WikiText-103 experiment (arXiv:2108.12409 and its fairseq code)
// that needs no training: sizes, batches, rates, windows, slopes.

#include <cmath>
#include <numeric>

#include "longspan/core/error.h"
#include "longspan/evaluate/protocol.h"
#include "longspan/plan/plan.h"
#include "longspan/run/run_config.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

constexpr std::int64_t kDictionary = 267744, kTrainTokens = 103227021, kValidTokens = 217646,
                       kTestTokens = 245569;

RunConfig paper_config(const std::string& name, const std::vector<std::string>& overrides = {}) {
  const auto path = testing::source_folder() / "configs" / (name + ".yaml");
  return read_run_config(config::Document::from_file(path, overrides));
}

// What a training run at length L is started from.
RunConfig config_of_length(std::int64_t length) {
  if (length == 2048 || length == 3072) return paper_config(concat("wikitext103-", length));
  return paper_config("wikitext103", {concat("data.seq_len=", length)});
}

TEST_CASE("the batches of the paper's command at every length") {
  struct Row {
    std::int64_t length, blocks_a_pass, passes, tokens_an_update, blocks, last_block, updates;
    double epochs;
  };
  const auto row = GENERATE(values<Row>({{64, 144, 1, 73728, 1612923, 13, 1401, 204.1},
                                         {128, 72, 1, 73728, 806462, 13, 1401, 204.1},
                                         {256, 36, 1, 73728, 403231, 141, 1401, 204.1},
                                         {512, 18, 1, 73728, 201616, 141, 1401, 204.1},
                                         {1024, 9, 1, 73728, 100808, 653, 1401, 204.1},
                                         {1536, 6, 1, 73728, 67206, 141, 1401, 204.1},
                                         {2048, 4, 1, 65536, 50404, 1677, 1576, 181.5},
                                         {3072, 1, 3, 73728, 33603, 1677, 1401, 204.1}}));
  INFO("L = " << row.length);
  const auto config = config_of_length(row.length);
  constexpr std::int64_t kRanks = 8;
  CHECK(config.data.seq_len == row.length);
  CHECK(config.data.order == BatchOrder::Fairseq);
  CHECK(config.validate.lengths == std::vector<std::int64_t>{row.length});
  CHECK(config.validate.every_steps == row.updates);
  CHECK(config.train.micro_batch_tokens / row.length == row.blocks_a_pass);
  CHECK(config.train.batch_tokens / config.train.micro_batch_tokens == kRanks * row.passes);

  const auto plan = make_plan(config, {kDictionary, kTrainTokens, std::nullopt});
  CHECK(plan.parameters == 246933504);
  CHECK(plan.tokens_per_step == row.tokens_an_update);
  CHECK(plan.blocks == row.blocks);
  CHECK(kTrainTokens - (plan.blocks - 1) * row.length == row.last_block);
  CHECK(plan.steps_per_epoch == row.updates);
  CHECK(plan.steps == 286000);
  CHECK(std::abs(plan.epochs - row.epochs) < 0.05);
}

TEST_CASE("the last update of an epoch at L = 512 holds one batch of 11,201") {
  const auto config = config_of_length(512);
  const auto plan = make_run_plan(config, kTrainTokens);
  CHECK(plan->sequences(1399).blocks.size() == 8 * 18);
  CHECK(plan->sequences(1400).blocks.size() <= 18);
  CHECK(plan->sequences(1401).epoch == 1);
  CHECK(286000 - 204 * plan->steps_per_epoch() == 196);
}

TEST_CASE("parameters by part, and of every method") {
  const auto plan = make_plan(config_of_length(512), {kDictionary, kTrainTokens, std::nullopt});
  std::map<std::string, std::int64_t> parts(plan.parameters_by_part.begin(),
                                            plan.parameters_by_part.end());
  CHECK(parts["embedding"] == 44015616 + 1376256);
  CHECK(parts["head"] == 2048);
  CHECK(parts["attention"] == 16 * 4198400);
  CHECK(parts["feed_forward"] == 16 * 8393728);
  CHECK(parts["norms"] == 16 * 4096);
  for (const auto* kind : {"sinusoidal", "rotary", "alibi", "t5"}) {
    INFO(kind);
    const auto config = paper_config("wikitext103", {std::string("position.kind=") + kind});
    const std::int64_t table = kind == std::string("t5") ? 32 * 8 : 0;
    CHECK(make_plan(config, {kDictionary, kTrainTokens, std::nullopt}).parameters ==
          246933504 + table);
  }
  // fairseq's examples/layerdrop: the same model pruned to 8 layers.
  CHECK(make_plan(paper_config("wikitext103", {"model.num_layers=8"}),
                  {kDictionary, kTrainTokens, std::nullopt})
            .parameters == 146163712);
}

TEST_CASE(
    "cost of the run: 21.1 billion tokens, 1.4 GFLOP a token, 207 GPU-hours at 28.3k words/s") {
  const auto plan = make_plan(config_of_length(512), {kDictionary, kTrainTokens, 28300.0});
  CHECK(plan.tokens == 286000LL * 73728);
  CHECK(std::abs(plan.flop_per_token - 1.4e9) < 0.05e9);
  CHECK(std::abs(plan.flop - 3e19) < 0.1e19);
  REQUIRE(plan.device_hours.has_value());
  CHECK(std::abs(*plan.device_hours - 207) < 0.5);
  const auto longest = make_plan(config_of_length(3072), {kDictionary, kTrainTokens, 15500.0});
  CHECK(std::abs(longest.device_hours.value_or(0) - 378) < 0.5);
}

TEST_CASE("the learning rates of the paper's schedule") {
  struct Row {
    std::int64_t updates;
    double lr, tolerance;  // half a unit of the last digit printed
  };
  const auto row = GENERATE(values<Row>({{0, 1e-7, 1e-15},
                                         {1, 6.26e-5, 5e-8},
                                         {8000, 0.5, 5e-7},
                                         {15999, 0.999938, 5e-7},
                                         {16000, 1.0, 1e-12},
                                         {50000, 0.961385, 5e-7},
                                         {100000, 0.779618, 5e-7},
                                         {151000, 0.500050, 5e-7},
                                         {200000, 0.230202, 5e-7},
                                         {250000, 0.043323, 5e-7},
                                         {280000, 0.001318, 5e-7},
                                         {285999, 0.000100, 5e-7}}));
  INFO("after " << row.updates << " updates");
  CHECK(std::abs(learning_rate(config_of_length(512).schedule, row.updates) - row.lr) <=
        row.tolerance);
}

TEST_CASE("non-overlapping windows over the validation and test texts") {
  struct Row {
    std::int64_t length, valid, valid_last, test, test_last;
  };
  const auto row = GENERATE(values<Row>({{64, 3401, 46, 3838, 1},
                                         {128, 1701, 46, 1919, 65},
                                         {256, 851, 46, 960, 65},
                                         {512, 426, 46, 480, 321},
                                         {1024, 213, 558, 240, 833},
                                         {1536, 142, 1070, 160, 1345},
                                         {2048, 107, 558, 120, 1857},
                                         {3072, 71, 2606, 80, 2881}}));
  INFO("L = " << row.length);
  const auto check_text = [&](std::int64_t tokens, std::int64_t count, std::int64_t last) {
    const auto windows = make_windows(tokens, row.length, parse_mode("nonoverlapping"));
    CHECK(windows.size() == static_cast<std::size_t>(count));
    CHECK(windows.back().end - windows.back().score_begin == last);
  };
  check_text(kValidTokens, row.valid, row.valid_last);
  check_text(kTestTokens, row.test, row.test_last);
}

TEST_CASE("sliding windows: 426 and 480 passes at S = 512, one a token at S = 1") {
  const EvaluationMode by_512 = parse_mode("stride:512"), by_1 = parse_mode("stride:1");
  CHECK(make_windows(kValidTokens, 3072, by_512).size() == 426);
  CHECK(make_windows(kTestTokens, 3072, by_512).size() == 480);
  for (const std::int64_t length : {512, 1024, 1536, 2048, 3072}) {
    const auto windows = make_windows(kValidTokens, length, by_1);
    REQUIRE(windows.size() == static_cast<std::size_t>(kValidTokens));
    CHECK(windows.back().score_begin - windows.back().context_begin == length - 1);
  }
}

std::vector<double> slopes_of(std::int64_t num_heads) {
  const auto method = make_position(AlibiOptions{}, {num_heads * 4, num_heads, 4, 512});
  const auto bias = method->score_bias(8);
  const auto slopes_H = std::get<LinearBias>(bias).slopes_H.to(at::kDouble);
  return {slopes_H.const_data_ptr<double>(), slopes_H.const_data_ptr<double>() + num_heads};
}

TEST_CASE("the slopes of the paper for any number of heads") {
  using Powers = std::vector<double>;  // slopes are 2^-power, in this order
  const std::map<std::int64_t, Powers> powers{
      {1, {8}},
      {2, {4, 8}},
      {3, {4, 8, 2}},
      {4, {2, 4, 6, 8}},
      {6, {2, 4, 6, 8, 1, 3}},
      {8, {1, 2, 3, 4, 5, 6, 7, 8}},
      {12, {1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5}},
      {16, {0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8}}};
  for (const auto& [num_heads, expected] : powers) {
    const auto slopes = slopes_of(num_heads);
    for (std::size_t head = 0; head < expected.size(); ++head) {
      INFO(num_heads << " heads, head " << head);
      CHECK(std::abs(slopes[head] / std::exp2(-expected[head]) - 1.0) < 1e-6);
    }
  }
}

}  // namespace
}  // namespace longspan
