// The simulated step beside what the sharded optimizer really sends.

#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "longspan/plan/scaling.h"
#include "support/paths.h"
#include "support/torch_catch.h"
#include "train/sharded_optimizer.h"

namespace longspan {
namespace {

constexpr std::int64_t kVocabulary = 40;
constexpr double kEndless = std::numeric_limits<double>::infinity();

// Counts what rank 0 of three gives to the gathers of parts.
class CountingCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int world_size() const override { return 3; }
  std::unique_ptr<PendingCall> start_all_reduce(const at::Tensor&, std::function<void()>) override {
    return nullptr;
  }
  std::unique_ptr<PendingCall> start_part_sum(const at::Tensor&, std::function<void()>) override {
    return nullptr;
  }
  bool scatters_sums(c10::Device) const override { return true; }
  std::unique_ptr<PendingCall> start_part_gather(const at::Tensor& tensor) override {
    bytes += static_cast<std::int64_t>(tensor.nbytes()) / world_size();
    ++calls;
    return std::make_unique<Over>();
  }
  void broadcast(const at::Tensor&, int) override {}
  std::vector<at::Tensor> all_gather(const at::Tensor&) override { return {}; }
  void report_failure(const std::string&) noexcept override {}
  void leave() override {}

  std::int64_t bytes = 0, calls = 0;

 private:
  class Over final : public PendingCall {
   public:
    void wait() override {}
  };
};

// Update and latencies of nothing, one token a second, half of it backward.
const DeviceSpeed kPlainSpeed{1.0, 0.5, 0.0, 1.0, 0.0};

TEST_CASE("the model gathers what the sharded optimizer gathers") {
  const auto path = testing::source_folder() / "configs/tests/tiny.yaml";
  const auto config = read_run_config(
      config::Document::from_file(path, {"train.batch_tokens=1024", "train.micro_batch_tokens=64",
                                         "distributed.shard_optimizer=true"}));
  const auto model = make_model(config, kVocabulary);
  const auto plan = make_plan(config, {.vocab_size = kVocabulary});
  CountingCommunicator communicator;
  ParameterShards shards(model.parameters(), communicator, config.distributed.bucket_bytes());
  const auto optimizer = make_sharded_optimizer(config.optimizer, shards);
  for (const auto& [name, tensor] : shards.own()) tensor.mutable_grad() = at::zeros_like(tensor);
  optimizer->step(0.1);
  REQUIRE(communicator.calls > 0);
  // A byte a second: two steps of a ring of three carry two messages.
  const Cluster slow{8, {1.0, 0.0}, {1.0, 0.0}, AllReduceKind::Ring};
  const auto by_bytes = plan_scaling(config, plan, {{3}, kPlainSpeed, slow}).fixed_batch.at(0);
  CHECK(std::abs(by_bytes.gather_seconds - 2.0 * static_cast<double>(communicator.bytes)) < 1e-6);
  const Cluster late{8, {kEndless, 1.0}, {kEndless, 1.0}, AllReduceKind::Ring};
  const auto by_calls = plan_scaling(config, plan, {{3}, kPlainSpeed, late}).fixed_batch.at(0);
  CHECK(by_calls.gather_seconds == 2.0 * static_cast<double>(communicator.calls));
}

}  // namespace
}  // namespace longspan
