// The simulated step beside its closed form, and beside what the reducer really sends.

#include "longspan/plan/scaling.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "longspan/core/error.h"
#include "longspan/distributed/gradient_reducer.h"
#include "plan/parameter_costs.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

RunConfig read(const std::string& name, const std::vector<std::string>& overrides = {}) {
  const auto path = testing::source_folder() / "configs" / (name + ".yaml");
  return read_run_config(config::Document::from_file(path, overrides));
}

constexpr std::int64_t kVocabulary = 40;
constexpr double kEndless = std::numeric_limits<double>::infinity();
// Update and latencies of nothing, one token a second, half of it backward.
const DeviceSpeed kPlainSpeed{1.0, 0.5, 0.0, 1.0, 0.0};

RunConfig tiny(std::vector<std::string> overrides = {}) {
  overrides.insert(overrides.end(), {"train.batch_tokens=1024", "train.micro_batch_tokens=64"});
  return read("tests/tiny", overrides);
}

Scaling scale(const RunConfig& config, const ScalingOptions& options) {
  return plan_scaling(config, make_plan(config, {.vocab_size = kVocabulary}), options);
}

// The formula of the header.
double closed_form(const std::vector<MessageTimes>& messages) {
  double greatest = 0.0, ready = 0.0;
  for (std::size_t k = 0; k < messages.size(); ++k) {
    ready += messages[k].backward_seconds;
    double left = 0.0;
    for (std::size_t j = k; j < messages.size(); ++j) left += messages[j].reduce_seconds;
    greatest = std::max(greatest, ready + left);
  }
  return greatest;
}

std::vector<MessageTimes> random_messages(std::uint64_t seed, double reduce_scale) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform;
  std::vector<MessageTimes> messages(1 + seed % 17);
  for (auto& message : messages) message = {uniform(random), reduce_scale * uniform(random)};
  return messages;
}

TEST_CASE("one message travels when backward is over") {
  const auto times = simulate_overlap({{3.0, 2.0}}, 0.0);
  CHECK(times.backward_seconds == 3.0);
  CHECK(times.sums_seconds == 5.0);
  CHECK(simulate_overlap({}, 0.0).sums_seconds == 0.0);
}

TEST_CASE(
    "a step bound by compute waits for its last message alone, one bound by the network not "
    "for backward") {
  const auto compute_bound = simulate_overlap({{4.0, 1.0}, {4.0, 2.0}, {4.0, 1.0}}, 0.0);
  CHECK(compute_bound.sums_seconds == 12.0 + 1.0);
  const auto network_bound = simulate_overlap({{1.0, 8.0}, {1.0, 8.0}, {1.0, 8.0}}, 0.0);
  CHECK(network_bound.backward_seconds == 3.0);
  CHECK(network_bound.sums_seconds == 1.0 + 24.0);
  CHECK(simulate_overlap({{1.0, 0.0}, {2.0, 0.0}}, 0.0).sums_seconds == 3.0);
}

TEST_CASE("the simulation is the closed form") {
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    for (const double reduce_scale : {0.1, 1.0, 10.0}) {
      const auto messages = random_messages(seed, reduce_scale);
      double all = 0.0, backward = 0.0;
      for (const auto& message : messages) {
        all += message.backward_seconds + message.reduce_seconds;
        backward += message.backward_seconds;
      }
      INFO("seed " << seed << ", " << messages.size() << " messages");
      // At most 17 messages: some tens of roundings of numbers below 200.
      constexpr double kRounding = 1e-12;
      CHECK(std::abs(simulate_overlap(messages, 0.0).sums_seconds - closed_form(messages)) <
            kRounding);
      CHECK(std::abs(simulate_overlap(messages, 0.0).backward_seconds - backward) < kRounding);
      CHECK(std::abs(simulate_overlap(messages, 1.0).sums_seconds - all) < kRounding);
      const double half = simulate_overlap(messages, 0.5).sums_seconds;
      CHECK(half >= closed_form(messages) - kRounding);
      CHECK(half <= all + kRounding);
    }
}

TEST_CASE("work bound to tensors is that of the plan, backward twice forward in the layers") {
  for (const auto* name : {"tests/tiny", "wikitext103", "cc100-1.3b"}) {
    INFO(name);
    const auto config = read(name);
    const std::int64_t vocab_size = name == std::string("wikitext103") ? 267744 : 50264;
    const auto plan = make_plan(config, {.vocab_size = vocab_size});
    double flop = 0.0, forward = 0.0, backward = 0.0;
    std::int64_t parameters = 0;
    for (const auto& cost : parameter_costs(config, vocab_size)) {
      parameters += cost.elements;
      flop += cost.forward_flop + cost.backward_flop;
      if (!cost.name.starts_with("layers.")) continue;
      forward += cost.forward_flop;
      backward += cost.backward_flop;
    }
    CHECK(parameters == plan.parameters);
    CHECK(std::abs(flop / plan.flop_per_token - 1.0) < 1e-12);
    CHECK(backward == 2.0 * forward);
  }
}

TEST_CASE("tensors have the names and order of the model") {
  for (const auto* position : {"alibi", "t5, shared: false"}) {
    const auto config = tiny(
        {"model.num_layers=3", concat("position={kind: ", position, "}"), "model.final_norm=true"});
    const auto costs = parameter_costs(config, kVocabulary);
    const auto model = make_unset_model(config, kVocabulary);
    REQUIRE(costs.size() == model.parameters().size());
    for (std::size_t i = 0; i < costs.size(); ++i) {
      CHECK(costs[i].name == model.parameters()[i].name);
      CHECK(costs[i].elements == model.parameters()[i].tensor.numel());
    }
  }
}

TEST_CASE("the model sends the reducer's buckets") {
  for (const auto* mib : {"25", "0.02", "0.001"})
    for (const auto* precision : {"fp32", "bf16"}) {
      INFO(mib << " MiB, " << precision);
      const auto config = tiny({concat("distributed.bucket_mib=", mib),
                                concat("distributed.reduce_precision=", precision)});
      const auto model = make_model(config, kVocabulary);
      const auto alone = make_lone_communicator();
      const GradientReducer reducer(
          model.parameters(), *alone,
          {config.distributed.bucket_bytes(), config.distributed.reduce_precision});
      const auto scaling = scale(config, {{}, kPlainSpeed, {}});
      CHECK(scaling.message_bytes == reducer.bytes_per_step());
      CHECK(scaling.num_buckets == reducer.num_buckets());
    }
}

TEST_CASE("one bucket's step is forward, backward, all-reduce and update") {
  const auto config = tiny();
  const Cluster cluster{8, {1e6, 0.25}, {1e5, 1.0}, AllReduceKind::Hierarchical};
  DeviceSpeed speed = kPlainSpeed;
  speed.update_seconds = 2.0;
  const auto scaling = scale(config, {{1, 4, 16}, speed, cluster});
  REQUIRE(scaling.num_buckets == 1);
  const auto tensors = static_cast<double>(parameter_costs(config, kVocabulary).size());
  for (const auto& step : scaling.fixed_batch) {
    const double own = 1024.0 / static_cast<double>(step.devices);
    const double sent =
        all_reduce_seconds(cluster, step.devices, static_cast<double>(scaling.message_bytes)) +
        all_reduce_seconds(cluster, step.devices, 8.0 * (tensors + 9.0));
    CHECK(step.compute_seconds == own + 2.0);
    CHECK(std::abs(step.wait_seconds - sent) < 1e-9);
    CHECK(std::abs(step.tokens_per_second - 1024.0 / (own + 2.0 + sent)) < 1e-9);
  }
}

TEST_CASE("an endless network leaves compute alone, and shares that are not equal") {
  const Cluster endless{8, {kEndless, 0.0}, {kEndless, 0.0}, AllReduceKind::Ring};
  const auto scaling = scale(tiny(), {{1, 2, 8, 24, 64, 128}, kPlainSpeed, endless});
  CHECK(scaling.sequences == 64);  // 1,024 tokens in sequences of 16
  REQUIRE(scaling.fixed_batch.size() == 5);
  for (const auto& step : scaling.fixed_batch) {
    CHECK(step.wait_seconds == 0.0);
    // 64 sequences for 24 devices: some have 3, so that 64 / 72 is the best.
    const double best = step.devices == 24 ? 64.0 / 72.0 : 1.0;
    CHECK(std::abs(step.efficiency - best) < 1e-12);
  }
  REQUIRE(scaling.growing_batch.size() == 6);
  for (const auto& step : scaling.growing_batch) {
    CHECK(step.batch_tokens == 64 * step.devices);
    CHECK(std::abs(step.efficiency - 1.0) < 1e-12);
  }
}

TEST_CASE("a batch that grows takes no less time on more devices, and is used no better") {
  for (const auto kind : {AllReduceKind::Ring, AllReduceKind::Hierarchical, AllReduceKind::Tree})
    for (const auto* mib : {"25", "0.02"}) {
      const auto config = tiny({concat("distributed.bucket_mib=", mib)});
      const Cluster cluster{8, {1e5, 0.01}, {1e4, 0.1}, kind};
      const auto scaling =
          scale(config, {{1, 2, 4, 8, 16, 32, 64, 128, 1024}, kPlainSpeed, cluster});
      for (std::size_t i = 1; i < scaling.growing_batch.size(); ++i) {
        const auto &fewer = scaling.growing_batch[i - 1], &more = scaling.growing_batch[i];
        CHECK(more.step_seconds() >= fewer.step_seconds());
        CHECK(more.efficiency <= fewer.efficiency);
      }
    }
}

TEST_CASE("messages hide in the last pass alone") {
  // 16 sequences a device are four passes of four, or one of all.
  const Cluster cluster{8, {700.0, 0.0}, {1e3, 0.0}, AllReduceKind::Ring};
  const std::string buckets = "distributed.bucket_mib=0.001";
  auto passes = tiny({buckets}), whole = tiny({buckets});
  whole.train.micro_batch_tokens = 1024;
  const auto in_passes = scale(passes, {{4}, kPlainSpeed, cluster}).fixed_batch.at(0),
             in_one = scale(whole, {{4}, kPlainSpeed, cluster}).fixed_batch.at(0);
  CHECK(in_passes.compute_seconds == in_one.compute_seconds);
  CHECK(in_passes.wait_seconds > in_one.wait_seconds);
}

TEST_CASE("a micro-batch left to the program is the share of the fewest devices") {
  auto config = tiny();
  config.train.micro_batch_tokens = 0;
  const Cluster cluster{8, {1e6, 0.0}, {1e6, 0.0}, AllReduceKind::Ring};
  const auto scaling = scale(config, {{4, 8}, kPlainSpeed, cluster});
  CHECK(scaling.growing_batch.at(0).device_tokens == 256);
  CHECK(scaling.growing_batch.at(1).device_tokens == 256);
}

TEST_CASE("an update is bound by memory where no measured one is given, and shared by ZeRO") {
  DeviceSpeed speed = kPlainSpeed;
  speed.update_seconds.reset();
  speed.memory_bytes_per_second = 4.0;  // a float32 of each parameter a second and parameter
  const Cluster endless{8, {kEndless, 0.0}, {kEndless, 0.0}, AllReduceKind::Ring};
  auto config = tiny();
  const auto parameters =
      static_cast<double>(make_plan(config, {.vocab_size = kVocabulary}).parameters);
  // AdamW keeps two numbers: 7 passes over memory, and 4 outside of it.
  const double tokens = 1024.0 / 4.0;
  CHECK(std::abs(scale(config, {{4}, speed, endless}).fixed_batch.at(0).compute_seconds -
                 (tokens + 11.0 * parameters)) < 1e-6);
  config.distributed.shard_optimizer = true;
  CHECK(std::abs(scale(config, {{4}, speed, endless}).fixed_batch.at(0).compute_seconds -
                 (tokens + (4.0 + 7.0 / 4.0) * parameters)) < 1e-6);
}

TEST_CASE("sums of parts travel half as far, and their norm after them") {
  auto config = tiny();
  config.distributed.bucket_mib = 1.0;  // one bucket
  const Cluster slow{8, {1.0, 0.0}, {1.0, 0.0}, AllReduceKind::Ring};
  const auto whole = scale(config, {{4}, kPlainSpeed, slow});
  const double waited = whole.fixed_batch.at(0).wait_seconds,
               gradients = 1.5 * static_cast<double>(whole.message_bytes);
  config.distributed.shard_optimizer = true;
  const auto sharded = scale(config, {{4}, kPlainSpeed, slow}).fixed_batch.at(0);
  // Three quarters of the bucket, with its gaps, and of the ranks' numbers.
  CHECK(sharded.wait_seconds - (waited - gradients) == sharded.gather_seconds + 3.0 * 8.0);
  CHECK(sharded.gather_seconds >= gradients / 2.0);
  CHECK(sharded.gather_seconds < 1.05 * gradients / 2.0);
}

}  // namespace
}  // namespace longspan
