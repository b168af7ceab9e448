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
constexpr int kMostLaunches = 700;  // whatever a pass comes to do
constexpr std::int64_t kVocabSize = 100, kB = 2, kT = 64, kNumHeads = 2;
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

ModelConfig config_of(Activation activation, EmbeddingKind vocabulary) {
  ModelConfig config;
  config.num_layers = kNumLayers;
  config.d_model = 64;
  config.num_heads = config.num_kv_heads = kNumHeads;
  config.ffn_dim = 64;
  config.activation = activation;
  config.dropout = {.embedding = 0.3,
                    .residual = 0.3,
                    .attention = 0.1,
                    .activation = 0.1,
                    .head = 0.0,
                    .tail = 0.2};
  if (vocabulary == EmbeddingKind::Adaptive)
    config.embedding = {.kind = vocabulary, .tie = true, .scale = true, .cutoffs = {20, 60}};
  // As configs/wikitext103.yaml.
  if (vocabulary == EmbeddingKind::Adaptive) config.dialect = Dialect::Fairseq;
  return config;
}

// Runs a pass and returns what it asked for, its own kernels among them.
template <class Body>
std::map<std::string, int> counted_in(emulator::CountedGpu& gpu, const Body& body) {
  counted.clear();
  gpu.take_count();
  const auto handle = at::addGlobalCallback(
      at::RecordFunctionCallback(begin, end).scopes({at::RecordScope::FUNCTION}));
  body();
  at::removeCallback(handle);
  auto result = counted;
  result["kernels of its own"] = gpu.take_count();
  return result;
}

// A model and what its passes are given.
struct Work {
  Work(Activation activation, EmbeddingKind vocabulary, std::string_view position = "alibi",
       std::int64_t length = kT)
      : model(config_of(activation, vocabulary),
              make_position(default_position_options(position), {.d_model = 64,
                                                                 .num_heads = kNumHeads,
                                                                 .head_dim = 32,
                                                                 .seq_len = length,
                                                                 .num_layers = kNumLayers}),
              kVocabSize),
        ids_BT(at::arange(kB * length, at::kLong).remainder(kVocabSize).view({kB, length})) {
    const std::span ids(ids_BT.const_data_ptr<std::int64_t>(),
                        static_cast<std::size_t>(ids_BT.numel()));
    rows = model.band_rows(ids, ids);
    options.randomness = &randomness;
    options.compute_dtype = at::kBFloat16;
    options.band_rows = &rows;
    options.step_weights = &step_weights;
  }
  void pass() {
    const auto features = model.features(ids_BT, options);
    model.loss_sum(features, ids_BT, options).backward();
  }

  Transformer model;
  at::Tensor ids_BT;
  TrainingRandomness randomness{9, 4, at::zeros({kB}, at::kLong)};
  PassBandRows rows;
  StepWeights step_weights;
  ForwardOptions options;
};

std::string list_of(const std::map<std::string, int>& counts) {
  std::string list;
  for (const auto& [name, count] : counts) list += concat("\n", name, " ", count);
  return list;
}

int total_of(const std::map<std::string, int>& counts) {
  int total = 0;
  for (const auto& [name, count] : counts) total += count;
  return total;
}

TEST_CASE("a training pass starts few kernels and reads none of their results") {
  emulator::CountedGpu gpu;
  // On a GPU the products that are the gradients of weights add to their sums themselves: of four
  // weights a layer; of the head; of an adaptive vocabulary's three matrices and five projections.
  const auto [vocabulary, products, most] = GENERATE(
      table<EmbeddingKind, int, int>({{EmbeddingKind::Plain, 4 * kNumLayers + 1, 627},
                                      {EmbeddingKind::Adaptive, 4 * kNumLayers + 8, 681}}));
  Work work(GENERATE(Activation::Relu, Activation::Swiglu), vocabulary);
  work.step_weights = work.model.step_weights(at::kBFloat16);
  work.pass();  // makes the sums that gradients are added to
  const auto found = counted_in(gpu, [&] { work.pass(); });
  INFO("total " << total_of(found) << list_of(found));
  // Operators that read a tensor's value, so that the host would wait for the GPU.
  for (const auto* name : {"aten::item", "aten::_local_scalar_dense", "aten::nonzero",
                           "aten::is_nonzero", "aten::equal", "aten::unique"})
    CHECK_FALSE(found.contains(name));
  CHECK(total_of(found) - products <= most);
  CHECK(total_of(found) - products <= kMostLaunches);
}

std::int64_t most_elements = 0;
std::string largest;

void measure(const at::RecordFunction& function, at::ObserverContext*) {
  for (const auto& output : function.outputs()) {
    if (!output.isTensor() || !output.toTensor().defined()) continue;
    if (output.toTensor().numel() <= most_elements) continue;
    most_elements = output.toTensor().numel();
    largest = function.name();
  }
}

TEST_CASE("no operator of a training pass makes the scores of all pairs of tokens") {
  constexpr std::int64_t kLength = 256;
  constexpr std::int64_t kScores = kB * kNumHeads * kLength * kLength;
  for (const auto& kind : position_kinds()) {
    // It depends on the query's place too, and attention takes it as a tensor [H, T, S].
    if (kind == "fire") continue;
    for (const auto vocabulary : {EmbeddingKind::Plain, EmbeddingKind::Adaptive}) {
      const emulator::CountedGpu gpu;
      Work work(Activation::Swiglu, vocabulary, kind, kLength);
      work.step_weights = work.model.step_weights(at::kBFloat16);
      most_elements = 0;
      const auto handle = at::addGlobalCallback(at::RecordFunctionCallback(nullptr, measure)
                                                    .needsOutputs(true)
                                                    .scopes({at::RecordScope::FUNCTION}));
      work.pass();
      at::removeCallback(handle);
      INFO(kind << ": " << largest);
      CHECK(most_elements >= kB * kLength * 3 * 64);  // the queries, keys and values of a layer
      CHECK(most_elements < kScores);
    }
  }
}

// Zeros below a head whose ids are no multiple of 8 are the other.
TEST_CASE("the narrow weights of a step are two kernels") {
  emulator::CountedGpu gpu;
  Work work(Activation::Swiglu, GENERATE(EmbeddingKind::Plain, EmbeddingKind::Adaptive));
  const auto found =
      counted_in(gpu, [&] { work.step_weights = work.model.step_weights(at::kBFloat16); });
  INFO(list_of(found));
  CHECK(total_of(found) == 2);
}

}  // namespace
}  // namespace longspan
