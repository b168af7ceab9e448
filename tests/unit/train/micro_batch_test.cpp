// `micro_batch_tokens: auto`: what fits, and what a pass takes.

#include "train/micro_batch.h"

#include "longspan/core/error.h"
#include "longspan/device/memory_meter.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

TEST_CASE("passes are as equal as the budget lets them be") {
  CHECK(sequences_that_fit(16, 10, 1000) == 16);
  CHECK(sequences_that_fit(16, 10, 159) == 8);  // 15 would fit, but leave a pass of one
  CHECK(sequences_that_fit(17, 10, 80) == 6);
  CHECK(sequences_that_fit(16, 10, 10) == 1);
  CHECK(sequences_that_fit(16, 10, 9) == 0);
}

TEST_CASE("the meter sees the greatest number of bytes held at once") {
  const auto outside = at::empty({1000}, at::kByte);
  const std::int64_t peak = peak_tensor_bytes([] {
    at::empty({4000}, at::kByte);
    const auto kept = at::empty({3000}, at::kByte), more = at::empty({2000}, at::kByte);
  });
  CHECK(peak >= 5000);
  CHECK(peak < 5600);  // the allocator rounds up to 64 bytes
}

RunConfig tiny_config(const std::vector<std::string>& overrides) {
  const auto path = testing::source_folder() / "configs/tests/tiny.yaml";
  return read_run_config(config::Document::from_file(path, overrides));
}

TEST_CASE("auto takes the whole batch when all of it fits, and leaves no gradients") {
  const auto config = tiny_config({"train.micro_batch_tokens=auto"});
  CHECK(config.train.micro_batch_tokens == 0);
  const auto model = make_model(config, 40);
  CHECK(find_micro_batch_tokens(config, model) == config.train.batch_tokens);
  for (const auto& parameter : model.parameters()) CHECK_FALSE(parameter.tensor.grad().defined());
}

TEST_CASE("activation checkpointing takes less memory, the more the deeper the model is") {
  const auto config = tiny_config({"model.num_layers=8"});
  const auto model = make_model(config, 40);
  const auto peak = [&](bool checkpointing) {
    ForwardOptions options;
    options.activation_checkpointing = checkpointing;
    const auto ids = at::zeros({16, 64}, at::kLong);
    return peak_tensor_bytes(
        [&] { model.loss_sum(model.features(ids, options), ids, options).backward(); });
  };
  const double kept = static_cast<double>(peak(false));
  CHECK(static_cast<double>(peak(true)) < 0.5 * kept);
}

}  // namespace
}  // namespace longspan
