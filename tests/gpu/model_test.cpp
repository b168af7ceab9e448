// The model on a GPU against the same model on the CPU. In float64, so that only a difference in
// what is computed shows: rounding stays below 1e-10 of sums of some hundred terms of size 1.

#include "gpu/gpus.h"
#include "kernels/dropout_rule.h"
#include "longspan/model/transformer.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::first_gpu;
using testing::random_tensor;

constexpr std::int64_t kVocabSize = 61, kB = 3, kT = 13;
constexpr double kRounding = 1e-10;

ModelConfig with_every_dropout() {
  ModelConfig config;
  config.num_layers = 2;
  config.d_model = 24;
  config.num_heads = config.num_kv_heads = 4;
  config.ffn_dim = 40;
  config.init = InitScheme::Fairseq;
  config.dropout = {.embedding = 0.1,
                    .residual = 0.2,
                    .attention = 0.1,
                    .activation = 0.1,
                    .head = 0.1,
                    .tail = 0.2};
  return config;
}

Transformer make_model(const ModelConfig& config, const std::string& kind, c10::Device device) {
  Transformer model(
      config,
      make_position(default_position_options(kind),
                    {config.d_model, config.num_heads, config.head_dim(), kT, config.num_layers}),
      kVocabSize);
  model.initialize(5);
  for (const auto& parameter : model.parameters()) {
    at::Tensor tensor = parameter.tensor;
    tensor.set_data(tensor.detach().to(at::kDouble));
  }
  model.to(device);
  return model;
}

// A training step's loss; the gradients stay at the parameters.
double loss_of(const Transformer& model, c10::Device device, bool recompute) {
  const auto ids =
      at::arange(kB * (kT + 1), at::kLong).mul(7).add(3).remainder(kVocabSize).view({kB, kT + 1});
  const TrainingRandomness randomness{9, 4, at::arange(kB, at::kLong).add(100).to(device)};
  ForwardOptions options;
  options.randomness = &randomness;
  options.compute_dtype = at::kDouble;
  options.activation_checkpointing = recompute;
  const auto features = model.features(ids.narrow(1, 0, kT).contiguous().to(device), options);
  const auto loss = model.loss_sum(features, ids.narrow(1, 1, kT).contiguous().to(device), options);
  CHECK(loss.device() == device);
  loss.backward();
  return loss.item<double>();
}

void check_equal_on(c10::Device gpu, const ModelConfig& config, const std::string& kind,
                    bool recompute) {
  const auto on_cpu = make_model(config, kind, c10::kCPU), on_gpu = make_model(config, kind, gpu);
  const double expected = loss_of(on_cpu, c10::kCPU, recompute);
  CHECK(std::abs(loss_of(on_gpu, gpu, recompute) - expected) <= kRounding * std::abs(expected));
  for (std::size_t i = 0; i < on_cpu.parameters().size(); ++i) {
    const auto& [name, tensor] = on_cpu.parameters()[i];
    INFO(name);
    const auto& gradient = on_gpu.parameters()[i].tensor.grad();
    REQUIRE(gradient.defined() == tensor.grad().defined());
    if (!gradient.defined()) continue;
    const double size = std::max(1.0, tensor.grad().abs().max().item<double>());
    CHECK(difference(gradient.to(at::kCPU), tensor.grad(), kRounding * size) == "");
  }
}

TEST_CASE("on a GPU every position method has the loss and the gradients of the CPU") {
  const auto gpu = first_gpu();
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  check_equal_on(gpu, with_every_dropout(), kind, /*recompute=*/false);
}

TEST_CASE("on a GPU adaptive vocabularies and recomputed layers have the gradients of the CPU") {
  const auto gpu = first_gpu();
  ModelConfig config = with_every_dropout();
  config.dialect = GENERATE(Dialect::None, Dialect::Fairseq);
  config.embedding = {
      .kind = EmbeddingKind::Adaptive, .tie = true, .scale = true, .cutoffs = {7, 31}, .factor = 2};
  check_equal_on(gpu, config, "alibi", /*recompute=*/GENERATE(false, true));
}

TEST_CASE("dropout masks on a GPU are those of the CPU, bit for bit") {
  const auto gpu = first_gpu();
  for (const std::int64_t width : {1, 7, 64, 65, 1000}) {
    const auto row_ids =
        dropout_row_ids(at::arange(5, at::kLong).add(std::int64_t{1} << 30), 3, 11);
    const DropoutRule rule{0.3, {77, 12345, 6}, 2};
    const auto flat = row_ids.reshape({-1});
    for (const auto dtype : {at::kFloat, at::kDouble})
      CHECK(at::equal(dropout_multipliers(flat, width, rule, dtype),
                      dropout_multipliers(flat.to(gpu), width, rule, dtype).cpu()));
  }
}

TEST_CASE("bf16 on a GPU stays within its rounding of float32") {
  const auto gpu = first_gpu();
  const auto model = make_model(with_every_dropout(), "alibi", gpu);
  for (const auto& parameter : model.parameters()) {
    at::Tensor tensor = parameter.tensor;
    tensor.set_data(tensor.detach().to(at::kFloat));
  }
  const auto ids = at::arange(kB * kT, at::kLong).remainder(kVocabSize).view({kB, kT}).to(gpu);
  ForwardOptions narrow, wide;
  narrow.compute_dtype = at::kBFloat16;
  wide.compute_dtype = at::kFloat;
  const auto a = model.features(ids, narrow).to(at::kFloat).cpu(),
             b = model.features(ids, wide).cpu();
  // 2^-8 relative at each of the ten roundings on the way through two layers.
  CHECK(difference(a, b, 10.0 / 256 * b.abs().max().item<double>()) == "");
}

}  // namespace
}  // namespace longspan
