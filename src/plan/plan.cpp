// What a run would be.

#include "longspan/plan/plan.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/data/expected_size.h"
#include "longspan/kernels/cross_entropy.h"
#include "longspan/model/shapes.h"
#include "plan/parameter_costs.h"

namespace longspan {
namespace {

constexpr std::int64_t kFloatBytes = 4;
constexpr double kSecondsAnHour = 3600.0;

struct TextSize {
  std::int64_t vocab_size = 0;
  std::int64_t train_tokens = 0;
  std::string corpus = {};
};

std::int64_t vocab_size_without_shards(const DataConfig& data) {
  if (data.tokenizer.kind == TokenizerKind::Bytes) return 256;
  if (data.tokenizer.kind == TokenizerKind::SentencePiece && data.tokenizer.train)
    return data.tokenizer.vocab_size;
  throw Error(
      ErrorKind::Data,
      concat(
          data.shards,
          " must hold shards for a plan to count the vocabulary, it has none; run "
          "longspan prepare first, or give --vocab-size and --train-tokens, or data.expect where "
          "the text is a published corpus in words"));
}

TextSize size_of_text(const DataConfig& data, const PlanOptions& options) {
  TextSize size{options.vocab_size.value_or(0), options.train_tokens.value_or(0)};
  if ((size.vocab_size == 0 || size.train_tokens == 0) && ShardFolder::exists(data.shards)) {
    const ShardFolder shards = ShardFolder::open(data.shards);
    if (size.vocab_size == 0) size.vocab_size = shards.tokenizer().vocab_size();
    if (size.train_tokens == 0) size.train_tokens = shards.stream("train").size();
  }
  if (const auto expected = expected_size(data);
      expected && (size.vocab_size == 0 || size.train_tokens == 0)) {
    size.corpus = expected->corpus;
    if (size.vocab_size == 0) size.vocab_size = expected->vocab_size;
    if (size.train_tokens == 0) size.train_tokens = expected->train_tokens;
  }
  if (size.vocab_size == 0) size.vocab_size = vocab_size_without_shards(data);
  return size;
}

// "layers.0.attn.q.weight" is of the part "attention".
std::string part_of(const std::string& name) {
  if (name.find("norm.") != std::string::npos) return "norms";
  if (name.starts_with("layers."))
    return name.find(".attn.") != std::string::npos ? "attention" : "feed_forward";
  const std::string first = name.substr(0, name.find('.'));
  return first == "embed" ? "embedding" : first;
}

void count_parameters(const RunConfig& config, Plan& plan) {
  for (const ParameterCost& cost : parameter_costs(config, plan.vocab_size)) {
    const std::string part = part_of(cost.name);
    auto found = std::ranges::find(plan.parameters_by_part, part,
                                   [](const auto& each) { return each.first; });
    if (found == plan.parameters_by_part.end())
      found = plan.parameters_by_part.insert(found, {part, 0});
    found->second += cost.elements;
    plan.parameters += cost.elements;
    plan.flop_per_token += cost.forward_flop + cost.backward_flop;
  }
}

// A new optimizer kind tells by itself how many numbers it keeps for each parameter.
std::int64_t optimizer_numbers_a_parameter(const OptimizerConfig& config) {
  constexpr std::int64_t kSize = 64;
  const auto optimizer = config.make({{"trial", at::zeros({kSize}, at::kFloat).requires_grad_()}});
  std::int64_t numbers = 0;
  for (const auto& [name, tensor] : optimizer->state())
    if (tensor.numel() == kSize) numbers += kSize;
  return numbers / kSize;
}

PlannedMemory plan_memory(const RunConfig& config, const Plan& plan, c10::DeviceType device) {
  PassSize pass{plan.micro_batch_tokens, plan.vocab_size,
                config.compute_dtype() == at::kFloat ? kFloatBytes : 2, false, device};
  PlannedMemory memory;
  memory.parameters = memory.gradients = kFloatBytes * plan.parameters;
  memory.optimizer = memory.parameters * optimizer_numbers_a_parameter(config.optimizer);
  memory.activations_kept = activation_bytes(config.model, pass);
  pass.activation_checkpointing = true;
  memory.activations_checkpointed = activation_bytes(config.model, pass);
  memory.activations = config.train.activation_checkpointing ? memory.activations_checkpointed
                                                             : memory.activations_kept;
  return memory;
}

void plan_steps(const RunConfig& config, const PlanOptions& options, Plan& plan) {
  plan.tokens_per_step = config.train.batch_tokens;
  if (plan.train_tokens > 0) {
    plan.blocks = ceil_divide(plan.train_tokens, config.data.seq_len);
    plan.steps_per_epoch = make_run_plan(config, plan.train_tokens)->steps_per_epoch();
  }
  const auto steps = planned_steps(
      config.train, plan.steps_per_epoch > 0 ? std::optional(plan.steps_per_epoch) : std::nullopt);
  if (!steps) return;
  plan.steps = *steps;
  plan.tokens = plan.steps * plan.tokens_per_step;
  plan.flop = plan.flop_per_token * static_cast<double>(plan.tokens);
  if (plan.steps_per_epoch > 0)
    plan.epochs = static_cast<double>(plan.steps) / static_cast<double>(plan.steps_per_epoch);
  if (options.tokens_per_second)
    plan.device_hours =
        static_cast<double>(plan.tokens) / *options.tokens_per_second / kSecondsAnHour;
}

// The matrices that give logits: elements of all, of the greatest, and the most rows of one.
struct HeadSize {
  std::int64_t all = 0;
  std::int64_t greatest = 0;
  std::int64_t most_rows = 0;
};

HeadSize head_size(const ModelConfig& model, std::int64_t vocab_size) {
  HeadSize size;
  auto clusters = static_cast<std::int64_t>(model.embedding.cutoffs.size());  // of the first band
  for (const VocabularyBand& band : vocabulary_bands(model, vocab_size)) {
    const std::int64_t rows = band.end - band.begin + clusters;
    size.all += rows * band.width;
    size.greatest = std::max(size.greatest, rows * band.width);
    size.most_rows = std::max(size.most_rows, rows);
    clusters = 0;
  }
  return size;
}

std::int64_t logits_at_once(const PassSize& pass, std::int64_t vocab_size) {
  return std::min(pass.tokens, rows_of_logits_at_once(vocab_size, pass.device)) * vocab_size;
}

std::int64_t kept_inner_activations(const ModelConfig& model) {
  const ActivationShape shape = shape_of(model.activation);
  return model.dropout.activation == 0.0 ? shape.kept : shape.kept_with_dropout;
}

std::int64_t weights_of_layer(const ModelConfig& model, std::int64_t kv_dim) {
  const std::int64_t matrices = shape_of(model.activation).gated ? 3 : 2;
  return model.d_model * (2 * model.d_model + 2 * kv_dim + matrices * model.ffn_dim);
}

}  // namespace

std::int64_t activation_bytes(const ModelConfig& model, const PassSize& pass) {
  const std::int64_t N = pass.tokens, D = model.d_model, F = model.ffn_dim, e = pass.compute_bytes,
                     kv_dim = model.num_kv_heads * model.head_dim();
  std::int64_t layer = N * (kFloatBytes * (4 * D + 2 * kv_dim + model.num_heads) +
                            (2 * D + kept_inner_activations(model) * F) * e);
  if (e != kFloatBytes) layer += e * (3 * N * D + weights_of_layer(model, kv_dim));
  const std::int64_t stream = e * N * D, features = kFloatBytes * N * D,
                     kept = pass.activation_checkpointing ? stream : layer;
  const HeadSize head = head_size(model, pass.vocab_size);
  const std::int64_t logits = logits_at_once(pass, head.most_rows);
  // Of two bytes: then logits, the weight and its gradient are there in both types.
  const bool narrow = e != kFloatBytes;
  const std::int64_t at_loss =
      e * N * D + std::max((narrow ? 6 : 4) * logits + (narrow ? 10 : 0) * head.greatest,
                           kFloatBytes * head.greatest);
  const std::int64_t at_last_layer = (pass.activation_checkpointing ? layer : 0) + 2 * stream +
                                     N * F * e * (shape_of(model.activation).gated ? 2 : 1);
  return kept * model.num_layers + kFloatBytes * head.all + features +
         std::max(at_loss, at_last_layer);
}

Plan make_plan(const RunConfig& config, const PlanOptions& options) {
  const TextSize text = size_of_text(config.data, options);
  Plan plan;
  plan.name = config.name;
  plan.vocab_size = text.vocab_size;
  plan.train_tokens = text.train_tokens;
  plan.corpus = text.corpus;
  plan.micro_batch_tokens =
      config.train.micro_batch_tokens > 0 ? config.train.micro_batch_tokens : config.data.seq_len;
  count_parameters(config, plan);
  plan.memory = plan_memory(config, plan, options.device);
  plan_steps(config, options, plan);
  return plan;
}

}  // namespace longspan
