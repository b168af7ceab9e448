// What one training pass asks of a GPU, counted on the CPU: the project's own kernels are counted
// in place of being started, LibTorch's operators as they are called.

#include <ATen/record_function.h>

#include <map>
#include <set>
#include <string>

#include "emulator/counted_gpu.h"
#include "longspan/core/error.h"
#include "longspan/model/transformer.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr int kNumLayers = 16;
std::map<std::string, int> counted;

// Operators that start no kernel, or that start what is counted under another name.
bool starts_nothing(const std::string& name) {
  static const std::set<std::string> kNames{
      "aten::view",           "aten::reshape",      "aten::t",
      "aten::transpose",      "aten::narrow",       "aten::slice",
      "aten::select",         "aten::detach",       "aten::as_strided",
      "aten::expand",         "aten::expand_as",    "aten::unsqueeze",
      "aten::squeeze",        "aten::empty",        "aten::empty_like",
      "aten::empty_strided",  "aten::to",           "aten::_to_copy",
      "aten::contiguous",     "aten::clone",        "aten::zeros",
      "aten::zeros_like",     "aten::full",         "aten::ones_like",
      "aten::result_type",    "aten::is_same_size", "aten::permute",
      "aten::_reshape_alias", "aten::_unsafe_view", "aten::alias",
      "aten::resolve_conj",   "aten::resolve_neg",  "aten::new_empty_strided",
      "aten::full_like",      "aten::layer_norm",   "aten::embedding_backward",
      "aten::matmul",         "aten::linear",       "aten::type_as",
      "aten::set_data",       "aten::ones",         "aten::lift_fresh",
      "aten::detach_"};
  return kNames.contains(name) || !name.starts_with("aten::");
}

struct Seen : at::ObserverContext {};
int inside = 0;  // operators that are counted and have not ended: what they call is theirs

std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
  const std::string name = function.name();
  if (starts_nothing(name)) return nullptr;
  if (inside++ == 0) ++counted[name];
  return std::make_unique<Seen>();
}

void end(const at::RecordFunction&, at::ObserverContext* context) {
  if (context != nullptr) --inside;
}

TEST_CASE("one training pass starts at most 700 kernels and reads none of their results") {
  emulator::CountedGpu gpu;
  ModelConfig config;
  config.num_layers = kNumLayers;
  config.d_model = 64;
  config.num_heads = config.num_kv_heads = 2;
  config.ffn_dim = 64;
  config.activation = GENERATE(Activation::Relu, Activation::Swiglu);
  config.dropout = {.embedding = 0.3,
                    .residual = 0.3,
                    .attention = 0.1,
                    .activation = 0.1,
                    .head = 0.0,
                    .tail = 0.2};
  const std::int64_t vocab_size = 100, B = 2, T = 64;
  Transformer model(config,
                    make_position(default_position_options("alibi"), {64, 2, 32, T, kNumLayers}),
                    vocab_size);
  const auto on_cpu = at::TensorOptions(c10::kCPU).dtype(at::kLong);
  const TrainingRandomness randomness{9, 4, at::zeros({B}, on_cpu)};
  ForwardOptions options;
  options.randomness = &randomness;
  options.compute_dtype = at::kBFloat16;
  StepWeights step_weights;
  options.step_weights = &step_weights;
  const auto pass = [&] {
    const auto features = model.features(at::zeros({B, T}, on_cpu), options);
    model.loss_sum(features, at::zeros({B, T}, on_cpu), options).backward();
  };
  pass();  // makes the narrow weights, and gradients to add to
  counted.clear();
  gpu.take_count();
  const auto handle = at::addGlobalCallback(
      at::RecordFunctionCallback(begin, end).scopes({at::RecordScope::FUNCTION}));
  pass();
  at::removeCallback(handle);
  int total = gpu.take_count();
  std::string list = concat("kernels of its own ", total, "\n");
  for (const auto& [name, count] : counted) {
    total += count;
    list += concat(name, " ", count, "\n");
  }
  INFO(list);
  // Operators that read a tensor's value, so that the host would wait for the GPU.
  for (const auto* name : {"aten::item", "aten::_local_scalar_dense", "aten::nonzero",
                           "aten::is_nonzero", "aten::equal", "aten::unique"})
    CHECK_FALSE(counted.contains(name));
  // On a GPU the products that are the gradients of weights add to their sums themselves.
  constexpr int kProductsOfWeights = 4 * kNumLayers;
  CHECK(total - kProductsOfWeights <= 700);
}

}  // namespace
}  // namespace longspan
