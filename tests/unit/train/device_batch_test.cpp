// A step's ids on their way to the model.

#include "train/device_batch.h"

#include "support/tensors.h"

namespace longspan {
namespace {

Transformer adaptive_model() {
  ModelConfig config;
  config.num_layers = 1;
  config.d_model = 8;
  config.num_heads = config.num_kv_heads = 2;
  config.ffn_dim = 8;
  config.embedding = {.kind = EmbeddingKind::Adaptive, .cutoffs = {2, 5}, .factor = 2};
  return {config, make_position(AlibiOptions{}, {8, 2, 4, 8}), 9};
}

TEST_CASE("a pass has its sequences' ids and the rows of their bands") {
  const HostBatch batch{3, 2, 5, {0, 1, 8, 0, 4, 1}, {1, 8, 0, 4, 1, -1}, {40, 41, 42}};
  const auto model = adaptive_model();
  const auto pass = DeviceBatch(batch, model).pass(1, 2);
  const auto longs = [](std::vector<std::int64_t> values) { return at::tensor(values, at::kLong); };
  CHECK(pass.input_ids_BT.equal(longs({8, 0, 4, 1}).view({2, 2})));
  CHECK(pass.target_ids_BT.equal(longs({0, 4, 1, -1}).view({2, 2})));
  CHECK(pass.sequence_ids_B.equal(longs({41, 42})));
  CHECK(pass.band_rows.inputs.counts == std::vector<std::int64_t>{2, 1, 1});
  CHECK(pass.band_rows.inputs.rows_M.equal(longs({1, 3, 2, 0})));
  CHECK(pass.band_rows.inputs.order_N.equal(longs({3, 0, 2, 1})));
  CHECK(pass.band_rows.inputs.ids_M.equal(longs({0, 1, 2, 3})));
  CHECK(pass.band_rows.targets.head_ids_N.equal(longs({0, 2, 1, -1})));
  CHECK(pass.band_rows.targets.tails.rows_M.equal(longs({1})));
}

}  // namespace
}  // namespace longspan
