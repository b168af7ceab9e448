// How far the formula for a step's memory is from what is measured.

#include <cmath>

#include "emulator/counted_gpu.h"
#include "longspan/core/error.h"
#include "longspan/device/memory_meter.h"
#include "longspan/model/step_weights.h"
#include "longspan/plan/plan.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

RunConfig read(const std::vector<std::string>& overrides) {
  return read_run_config(config::Document::from_file(
      testing::source_folder() / "configs" / "tests" / "tiny.yaml", overrides));
}

// The peak of a step beyond the parameters.
double measured_bytes(const RunConfig& config, std::int64_t vocab_size, std::int64_t tokens,
                      int passes) {
  const auto model = make_model(config, vocab_size);
  const std::int64_t T = config.data.seq_len, B = tokens / T;
  const auto ids = at::arange(tokens).mul(7919).remainder(vocab_size).view({B, T});
  const TrainingRandomness randomness{1, 0, at::arange(B)};
  return static_cast<double>(peak_tensor_bytes([&] {
    StepWeights step_weights = model.step_weights(config.compute_dtype());
    ForwardOptions options;
    options.randomness = &randomness;
    options.compute_dtype = config.compute_dtype();
    options.activation_checkpointing = config.train.activation_checkpointing;
    options.step_weights = &step_weights;
    for (int pass = 1; pass <= passes; ++pass) {
      if (pass == passes) step_weights.expect_last_pass();
      model.loss_sum(model.features(ids, options), ids, options).backward();
    }
  }));
}

struct Case {
  std::string device, precision, vocabulary, activation, position, dropout, more = {};
};

RunConfig config_of(const Case& each, const std::string& checkpointing) {
  std::vector<std::string> overrides{
      "model.num_layers=5",
      "model.d_model=64",
      "model.ffn_dim=256",
      "model.num_heads=4",
      "data.seq_len=64",
      "train.batch_tokens=1024",
      "train.micro_batch_tokens=1024",
      concat("position={kind: ", each.position, "}"),
      concat("model.dropout={attention: ", each.dropout, ", residual: ", each.dropout,
             ", activation: ", each.dropout, "}"),
      "model.activation=" + each.activation,
      "train.precision=" + each.precision,
      "train.activation_checkpointing=" + checkpointing};
  if (each.vocabulary == "adaptive")
    overrides.emplace_back("model.embedding={kind: adaptive, cutoffs: [1000, 2000], factor: 2}");
  if (!each.more.empty()) overrides.push_back(each.more);
  return read(overrides);
}

// A GPU's kernels are counted in the place of being started: what they are given and what is kept
// of it are CPU tensors.
TEST_CASE("the formula for a step's memory is within 10 % of the measured peak") {
  const Case each = GENERATE(values<Case>({
      {"cpu", "fp32", "small", "relu", "alibi", "0"},
      {"cpu", "fp32", "small", "gelu", "rotary", "0.1"},
      {"cpu", "fp32", "large", "relu", "t5", "0.1"},
      {"cpu", "fp32", "large", "swiglu", "alibi", "0"},
      {"cpu", "fp32", "adaptive", "relu", "alibi", "0.1"},
      {"cpu", "fp32", "small", "relu", "alibi, form: absolute", "0.1"},
      {"cpu", "bf16", "small", "swiglu", "alibi", "0.1"},
      {"cpu", "bf16", "small", "swiglu", "alibi", "0"},
      {"cpu", "bf16", "large", "relu", "rotary", "0"},
      {"cpu", "bf16", "adaptive", "relu", "alibi", "0.1"},
      {"cpu", "bf16", "small", "gelu", "alibi, form: absolute", "0"},
      {"cpu", "fp32", "small", "relu", "alibi", "0", "model.head_dim=40"},
      {"cpu", "fp32", "small", "relu", "rotary", "0", "model.clip_qkv=0.5"},
      {"cpu", "bf16", "small", "relu", "alibi", "0", "model.clip_qkv=0.5"},
      {"cpu", "fp32", "small", "relu", "alibi", "0", "model.embedding={norm: true}"},
      {"gpu", "bf16", "small", "relu", "alibi", "0.1"},
      {"gpu", "bf16", "small", "gelu", "t5", "0"},
      {"gpu", "bf16", "small", "swiglu", "rotary", "0.1"},
      {"gpu", "bf16", "small", "relu", "alibi, form: absolute", "0"},
  }));
  const std::string checkpointing = GENERATE("false", "true");
  const RunConfig config = config_of(each, checkpointing);
  // The formula takes the targets of a pass to be of one band; where logits are chunks, they may
  // be.
  const std::int64_t vocab_size = each.vocabulary == "small"      ? 100
                                  : each.vocabulary == "adaptive" ? 30000
                                                                  : 8000,
                     tokens = 1024;
  std::optional<emulator::CountedGpu> gpu;
  if (each.device == "gpu") gpu.emplace();
  const double measured = measured_bytes(config, vocab_size, tokens, 2);
  const Plan plan =
      make_plan(config, {.vocab_size = vocab_size, .device = gpu ? c10::kCUDA : c10::kCPU});
  const PlannedMemory& memory = plan.memory;
  const auto planned =
      static_cast<double>(memory.gradients + memory.step_weights + memory.activations);
  INFO(each.device << " " << each.precision << " " << each.vocabulary << " " << each.activation
                   << " " << each.position << " dropout " << each.dropout << " checkpointing "
                   << checkpointing << " " << each.more << ": planned " << planned << ", measured "
                   << measured << ", ratio " << planned / measured);
  CHECK(std::abs(planned / measured - 1.0) < 0.10);
}

TEST_CASE("in a step of one pass gradients come as activations go, and the formula knows it") {
  const std::string vocabulary = GENERATE("small", "large", "adaptive"),
                    precision = GENERATE("fp32", "bf16"), layers = GENERATE("2", "12");
  const Case each{
      "cpu", precision, vocabulary, "relu", "alibi", "0.1", "model.num_layers=" + layers};
  const RunConfig config = config_of(each, "false");
  const std::int64_t vocab_size = vocabulary == "small" ? 100 : 30000, tokens = 1024;
  const double measured = measured_bytes(config, vocab_size, tokens, 1);
  const PlannedMemory memory = make_plan(config, {.vocab_size = vocab_size}).memory;
  const auto planned = static_cast<double>(memory.total() - memory.parameters - memory.optimizer);
  INFO(vocabulary << " " << precision << " layers " << layers << ": planned " << planned
                  << ", measured " << measured << ", ratio " << planned / measured);
  CHECK(memory.not_at_once > 0);
  CHECK(std::abs(planned / measured - 1.0) < 0.10);
}

TEST_CASE("on a GPU the logits of a pass are more rows at once") {
  const auto config = read(
      {"model.d_model=8", "model.ffn_dim=8", "model.dropout={attention: 0}", "model.num_heads=1"});
  PassSize pass{4096, 100000, false, c10::kCPU};
  const std::int64_t on_cpu = activation_bytes(config, pass);
  pass.device = c10::kCUDA;
  // Float32 attention on a GPU keeps its scores, of one layer.
  const std::int64_t scores = 4096 * (16 * 8 + 4 * 16 - 16 * 8 - 4);
  CHECK(activation_bytes(config, pass) - on_cpu == 4 * (2560 - 83) * 100000 + scores);
}

TEST_CASE("memory of a rank: a sharded state is divided, sums of gradients travel in buckets") {
  const auto plan = [](const std::vector<std::string>& overrides) {
    return make_plan(read(overrides), {.vocab_size = 40});
  };
  const std::string ranks = "distributed.processes=4", narrow = "train.precision=bf16";
  const Plan alone = plan({}), four = plan({ranks}),
             sharded = plan({ranks, "distributed.shard_optimizer=true"});
  CHECK(alone.num_ranks == 1);
  CHECK(four.num_ranks == 4);
  CHECK(four.memory.total() == alone.memory.total());
  CHECK(sharded.memory.optimizer == alone.memory.optimizer / 4);
  CHECK(sharded.memory.total() == alone.memory.total() - alone.memory.optimizer * 3 / 4);
  CHECK(alone.memory.step_weights == 0);
  const Plan two_bytes = plan({narrow}), of_four = plan({narrow, ranks});
  CHECK(two_bytes.memory.step_weights > 0);
  CHECK(of_four.memory.step_weights == 3 * two_bytes.memory.step_weights);
}

}  // namespace
}  // namespace longspan
