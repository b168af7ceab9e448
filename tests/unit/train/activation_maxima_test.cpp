// The extremes of activations: of all passes and ranks, however the batch is divided.

#include "train/activation_maxima.h"

#include <ATen/ops/scalar_tensor.h>

#include <cmath>

#include "support/paths.h"
#include "support/ranks.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"
#include "train/metric_row.h"
#include "train/step.h"
#include "train/workspace.h"

namespace longspan {
namespace {

// Of the first step of the tiny run.
std::vector<double> first_maxima(std::vector<std::string> overrides, int ranks, bool measures) {
  const testing::TemporaryFolder folder;
  overrides.push_back("model.num_layers=2");
  overrides.push_back("data.shards=" + (folder.path() / "shards").string());
  const auto path = testing::source_folder() / "configs/tests/tiny.yaml";
  const auto config = read_run_config(config::Document::from_file(path, overrides));
  prepare_data(config.data);
  std::vector<std::vector<double>> all(static_cast<std::size_t>(ranks));
  testing::run_ranks(ranks, [&](Communicator& communicator) {
    Workspace work(config, {folder.path() / "run", "never", {}}, communicator);
    BatchLoader loader(work.train_stream, work.plan, config.data.seq_len,
                       work.data.tokenizer().start_id(), 0, {communicator.rank(), ranks});
    StepInput input{loader.next(), 0, [] { return StepVote{}; }};
    input.measures_activations = measures;
    all[static_cast<std::size_t>(communicator.rank())] =
        run_step({work.config, work.model, *work.optimizer, communicator, work.reducer.get()},
                 input)
            .activation_max;
  });
  for (const auto& of_rank : all) CHECK(of_rank == all.front());
  return all.front();
}

TEST_CASE("the largest output of each layer is that of the whole batch, however it is divided") {
  const auto whole = first_maxima({"train.micro_batch_tokens=128"}, 1, true);
  REQUIRE(whole.size() >= 2);
  CHECK(whole[0] > 0.0);
  CHECK(whole[0] != whole[1]);
  const auto check_same = [&](std::vector<std::string> overrides, int ranks) {
    CAPTURE(overrides, ranks);
    const auto found = first_maxima(std::move(overrides), ranks, true);
    REQUIRE(found.size() == whole.size());
    // A product of other rows may add in another order: depths of at most 10^2 float32 sums.
    for (std::size_t i = 0; i < whole.size(); ++i)
      CHECK(std::abs(found[i] / whole[i] - 1.0) < 1e2 * 0x1p-24);
  };
  check_same({"train.micro_batch_tokens=32"}, 1);
  check_same({"train.micro_batch_tokens=32", "train.activation_checkpointing=true"}, 1);
  check_same({"train.micro_batch_tokens=32"}, 3);
  CHECK(first_maxima({}, 1, false).empty());
}

TEST_CASE("the largest is that of any rank, one without a pass included") {
  std::vector<std::vector<double>> all(3);
  testing::run_ranks(3, [&](Communicator& communicator) {
    std::vector<at::Tensor> maxima_L;
    if (communicator.rank() == 0) maxima_L = {at::scalar_tensor(2.5), at::scalar_tensor(0.25)};
    if (communicator.rank() == 2) {
      raise_to(maxima_L, {at::scalar_tensor(1.0, at::kBFloat16), at::scalar_tensor(0.5)});
      raise_to(maxima_L, {at::scalar_tensor(0.5, at::kBFloat16), at::scalar_tensor(4.0)});
    }
    all[static_cast<std::size_t>(communicator.rank())] =
        largest_of_ranks(maxima_L, 2, communicator);
  });
  for (const auto& of_rank : all) CHECK(of_rank == std::vector{2.5, 4.0});
}

TEST_CASE("a row names the extreme and then the layer") {
  MetricRow row;
  CHECK(to_json(row).dump().find("activation_max") == std::string::npos);
  row.activation_max = {8.0, 0.5};
  const Json json = to_json(row);
  CHECK(json["activation_max/layers.0"] == 8.0);
  CHECK(json["activation_max/layers.1"] == 0.5);
}

}  // namespace
}  // namespace longspan
