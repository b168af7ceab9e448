// A training pass in bfloat16 through the GPU's kernels, emulated, beside one through the CPU's:
// each against float64. The CPU's attention computes in float32; the GPU's rounds probabilities and
// their gradients as well, which at most doubles the roundings on the way.

#include <cmath>
#include <string>
#include <vector>

#include "emulator/launches.h"
#include "longspan/model/transformer.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using emulator::EmulatedGpu;

constexpr std::int64_t kVocabSize = 61, kB = 1, kT = 70;

ModelConfig small_config() {
  ModelConfig config;
  config.num_layers = 2;
  config.d_model = 32;
  config.num_heads = config.num_kv_heads = 2;
  config.ffn_dim = 64;
  config.init = InitScheme::Fairseq;
  config.dropout = {.embedding = 0.1,
                    .residual = 0.2,
                    .attention = 0.1,
                    .activation = 0.1,
                    .head = 0.1,
                    .tail = 0.2};
  return config;
}

struct Outcome {
  double loss;
  std::vector<at::Tensor> gradients;
};

// Trains passes of one step, which share narrow weights and the sums of their gradients.
Outcome train_passes(const ModelConfig& config, const std::string& kind, at::ScalarType dtype,
                     int num_passes, bool checkpointing = false) {
  Transformer model(
      config,
      make_position(default_position_options(kind),
                    {config.d_model, config.num_heads, config.head_dim(), kT, config.num_layers}),
      kVocabSize);
  model.initialize(5);
  if (dtype == at::kDouble)
    for (const auto& parameter : model.parameters()) {
      at::Tensor tensor = parameter.tensor;
      tensor.set_data(tensor.detach().to(at::kDouble));
    }
  StepWeights step_weights = model.step_weights(dtype);
  Outcome outcome{0.0, {}};
  for (int pass = 0; pass < num_passes; ++pass) {
    const auto ids = at::arange(kB * (kT + 1), at::kLong)
                         .mul(7 + pass)
                         .add(3)
                         .remainder(kVocabSize)
                         .view({kB, kT + 1});
    const TrainingRandomness randomness{9, 4, at::arange(kB, at::kLong).add(100 + pass)};
    ForwardOptions options;
    options.randomness = &randomness;
    options.compute_dtype = dtype;
    options.step_weights = &step_weights;
    options.activation_checkpointing = checkpointing;
    if (pass + 1 == num_passes) step_weights.expect_last_pass();
    const auto features = model.features(ids.narrow(1, 0, kT).contiguous(), options);
    const auto loss = model.loss_sum(features, ids.narrow(1, 1, kT).contiguous(), options);
    loss.backward();
    outcome.loss += loss.item<double>();
  }
  for (const auto& parameter : model.parameters())
    outcome.gradients.push_back(parameter.tensor.grad());
  return outcome;
}

// Norm of the difference of all gradients together, relative to that of the gradients.
double error_of(const Outcome& outcome, const Outcome& exact) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < exact.gradients.size(); ++i) {
    if (!exact.gradients[i].defined()) continue;
    const auto a = outcome.gradients[i].to(at::kDouble), b = exact.gradients[i];
    difference += (a - b).square().sum().item<double>();
    size += b.square().sum().item<double>();
  }
  return std::sqrt(difference / size);
}

void check_like_the_cpu(const ModelConfig& config, const std::string& kind, int num_passes = 1) {
  const auto exact = train_passes(config, kind, at::kDouble, num_passes);
  const auto on_cpu = train_passes(config, kind, at::kBFloat16, num_passes);
  const auto emulated = [&] {
    const EmulatedGpu gpu;
    auto outcome = train_passes(config, kind, at::kBFloat16, num_passes);
    CHECK(gpu.emulation().counts.contains("gradient of residual norm"));
    return outcome;
  }();
  CHECK(std::abs(emulated.loss - exact.loss) <= 4e-3 * exact.loss);
  CHECK(error_of(emulated, exact) <= 2.0 * error_of(on_cpu, exact));
}

TEST_CASE("a pass through emulated kernels is as near to float64 as one through the CPU's") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  check_like_the_cpu(small_config(), kind);
}

TEST_CASE("so it is for every placement of norms, kind of norm and of vocabulary") {
  ModelConfig config = small_config();
  SECTION("post") { config.norm_placement = NormPlacement::Post; }
  SECTION("parallel") { config.parallel_residual = true; }
  SECTION("rms") {
    config.norm = NormKind::RmsNorm;
    config.activation = Activation::Swiglu;
  }
  SECTION("grouped heads, no bias") {
    config.num_kv_heads = 1;
    config.bias = false;
  }
  SECTION("adaptive") {
    config.embedding = {.kind = EmbeddingKind::Adaptive,
                        .tie = true,
                        .scale = true,
                        .cutoffs = {7, 31},
                        .factor = 2};
  }
  check_like_the_cpu(config, "alibi");
}

TEST_CASE("so it is for the passes of a step, whatever the vocabulary") {
  ModelConfig config = small_config();
  config.num_layers = 1;
  config.embedding.tie = GENERATE(true, false);
  if (GENERATE(true, false)) {
    config.embedding.kind = EmbeddingKind::Adaptive;
    config.embedding.cutoffs = {7, 31};
    config.embedding.factor = 2;
  }
  check_like_the_cpu(config, "alibi", 2);
}

TEST_CASE("activation checkpointing changes no bit of a pass through emulated kernels") {
  ModelConfig config = small_config();
  config.num_layers = 3;
  SECTION("pre") {}
  SECTION("post") { config.norm_placement = NormPlacement::Post; }
  SECTION("parallel") { config.parallel_residual = true; }
  const EmulatedGpu gpu;
  const auto kept = train_passes(config, "t5", at::kBFloat16, 1),
             recomputed = train_passes(config, "t5", at::kBFloat16, 1, true);
  CHECK(kept.loss == recomputed.loss);
  for (std::size_t i = 0; i < kept.gradients.size(); ++i)
    CHECK(kept.gradients[i].equal(recomputed.gradients[i]));
}

}  // namespace
}  // namespace longspan
