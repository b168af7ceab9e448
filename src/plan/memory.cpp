// What a device holds at the peak of a step, by formulas.

#include "plan/memory.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "longspan/kernels/attention.h"
#include "longspan/kernels/cross_entropy.h"
#include "longspan/model/shapes.h"
#include "plan/parameter_costs.h"

namespace longspan {
namespace {

// A new optimizer kind tells by itself how many numbers it keeps for each parameter.
std::int64_t optimizer_numbers_a_parameter(const OptimizerConfig& config) {
  constexpr std::int64_t kSize = 64;
  const auto optimizer = config.make({{"trial", at::zeros({kSize}, at::kFloat).requires_grad_()}});
  std::int64_t numbers = 0;
  for (const auto& [name, tensor] : optimizer->state())
    if (tensor.numel() == kSize) numbers += kSize;
  return numbers / kSize;
}

// Where the activations of a pass are, and how a layer computes them.
struct Path {
  std::int64_t bytes;  // of an element of products
  bool on_gpu;         // by the kernels of a GPU
  bool composes;       // activations, from operations of LibTorch
  bool keeps_scores;   // of attention
  bool widens;         // attention, its inputs and output
  bool turns;          // queries and keys, by a rotation
};

Path path_of(const RunConfig& config, std::int64_t vocab_size, c10::DeviceType device) {
  const auto dtype = config.compute_dtype();
  const Transformer model = model_of_one_layer(config, vocab_size);
  const PositionMethod& position = model.position();
  const bool on_cpu = device == c10::kCPU;
  return {dtype == at::kFloat ? kFloatBytes : 2,
          !on_cpu && dtype != at::kFloat,
          dtype == (on_cpu ? at::kHalf : at::kFloat),
          attention_keeps_scores(device, dtype, form_of(position.layer_biases(1).front()),
                                 config.model.head_dim()),
          attention_widens(device, dtype, config.data.seq_len, config.model.head_dim()),
          position.rotation({0, 1}, at::kFloat).has_value()};
}

std::int64_t kept_inner_activations(const ModelConfig& model, bool composes) {
  const ActivationShape shape = shape_of(model.activation);
  if (!composes) return shape.kept;
  return model.dropout.activation == 0.0 ? shape.kept_composed : shape.kept_composed_with_dropout;
}

// What attention keeps of a token, of its matrix of scores.
std::int64_t score_bytes(const RunConfig& config, const Path& path) {
  if (!path.keeps_scores) return 0;
  const bool drops = config.model.dropout.attention > 0.0;
  const std::int64_t bytes = path.bytes == kFloatBytes ? (drops ? 12 : 4) : (drops ? 10 : 6);
  return config.model.num_heads * config.data.seq_len * bytes;
}

// What attention keeps of a token besides: queries, keys, values, the mixed values, sums of scores.
std::int64_t attention_bytes(const RunConfig& config, const Path& path) {
  const std::int64_t D = config.model.heads_dim(), H = config.model.num_heads,
                     G = config.model.num_kv_heads * config.model.head_dim();
  // In two bytes queries, keys and values are one product, which the values keep.
  const bool shares = path.bytes != kFloatBytes && !path.widens;
  const std::int64_t turned = path.turns && shares ? 2 * (D + G) : 0;
  if (path.keeps_scores)
    return turned + D * (path.bytes == kFloatBytes ? 16 : path.on_gpu ? 8 : 12);
  if (path.on_gpu) return turned + 4 * (D + G + H);
  if (path.widens) return 8 * (D + G) + 4 * H + 6 * D;
  return 2 * path.bytes * (D + G) + 4 * H;
}

// What the bound of queries, keys and values keeps of a token.
std::int64_t clip_bytes(const ModelConfig& model, const Path& path) {
  if (model.clip_qkv == 0.0) return 0;
  return path.bytes * (model.num_heads + 2 * model.num_kv_heads) * model.head_dim();
}

std::int64_t layer_bytes(const RunConfig& config, const Path& path) {
  constexpr std::int64_t kNorms = 16;  // mean and deviation of two
  return 4 * path.bytes * config.model.d_model +
         path.bytes * kept_inner_activations(config.model, path.composes) * config.model.ffn_dim +
         attention_bytes(config, path) + clip_bytes(config.model, path) +
         score_bytes(config, path) + kNorms;
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

std::int64_t logits_at_once(const PassSize& pass, at::ScalarType dtype, std::int64_t vocab_size) {
  return std::min(pass.tokens, rows_of_logits_at_once(vocab_size, dtype, pass.device)) * vocab_size;
}

// Numbers of what an adaptive vocabulary projects its bands with; an untied head has none for the
// first.
std::int64_t projection_size(const ModelConfig& model, std::int64_t vocab_size) {
  if (model.embedding.kind != EmbeddingKind::Adaptive) return 0;
  std::int64_t size = 0;
  for (const VocabularyBand& band : vocabulary_bands(model, vocab_size))
    size += model.d_model * band.width * (model.embedding.tie || band.begin == 0 ? 1 : 2);
  return size;
}

// The narrow copies of the weights that are multiplied, which live as long as a step, and where
// gradients travel between ranks in buckets the sums that they are copied from.
std::int64_t step_weight_bytes(const RunConfig& config, const Plan& plan, std::int64_t num_ranks) {
  if (config.compute_dtype() == at::kFloat) return 0;
  std::int64_t elements =
      head_size(config.model, plan.vocab_size).all + projection_size(config.model, plan.vocab_size);
  for (const auto& [part, count] : plan.parameters_by_part)
    if (part == "attention" || part == "feed_forward") elements += count;
  return elements * (num_ranks > 1 ? 2 + kFloatBytes : 2);
}

}  // namespace

std::int64_t activation_bytes(const RunConfig& config, const PassSize& pass) {
  const ModelConfig& model = config.model;
  const Path path = path_of(config, pass.vocab_size, pass.device);
  const std::int64_t N = pass.tokens, D = model.d_model, F = model.ffn_dim, e = path.bytes,
                     layer = N * layer_bytes(config, path), stream = e * N * D,
                     features = kFloatBytes * N * D,
                     embedded = model.embedding.norm ? kFloatBytes * N * D : 0,
                     kept = pass.activation_checkpointing ? stream : layer;
  const HeadSize head = head_size(model, pass.vocab_size);
  const std::int64_t logits = logits_at_once(pass, config.compute_dtype(), head.most_rows);
  const bool narrow = e != kFloatBytes;
  // In two bytes logits are there in both types, and so is a CPU's product before it is added; but
  // of bfloat16 on a CPU.
  const bool on_cpu = pass.device == c10::kCPU;
  const std::int64_t of_number =
      on_cpu && config.compute_dtype() == at::kBFloat16 ? e : kFloatBytes + e;
  const std::int64_t product = on_cpu ? of_number * head.greatest : 0;
  const std::int64_t at_loss =
      e * N * D + (narrow ? std::max(of_number * logits, e * logits + product)
                          : kFloatBytes * std::max(logits, head.greatest));
  // Where the activation keeps its input in float32, that is gone before a second gradient is
  // there; a gate and its inner matrix in two bytes are one, beside the gradients of both. Of a GPU
  // one more is counted, which keeps the estimate above the measured peak.
  const bool gated = shape_of(model.activation).gated;
  const std::int64_t inner = !narrow && kept_inner_activations(model, path.composes) == 2 ? 1
                             : narrow && gated ? (path.on_gpu ? 4 : 3)
                                               : 2;
  // In two bytes the gradients in front of a bound are joined beside those behind it.
  const std::int64_t joined = narrow ? N * clip_bytes(model, path) : 0;
  const std::int64_t at_last_layer =
      (pass.activation_checkpointing ? layer : 0) + 2 * stream + inner * N * F * e + joined;
  // A sum over passes is the gradient itself; else backward adds it to the gradient.
  const std::int64_t head_gradient = narrow ? 0 : kFloatBytes * head.all;
  return kept * model.num_layers + head_gradient + features + embedded +
         std::max(at_loss, at_last_layer);
}

PlannedMemory plan_memory(const RunConfig& config, const Plan& plan, c10::DeviceType device,
                          std::int64_t num_ranks) {
  PassSize pass{plan.micro_batch_tokens, plan.vocab_size, false, device};
  PlannedMemory memory;
  memory.parameters = memory.gradients = kFloatBytes * plan.parameters;
  memory.optimizer = memory.parameters * optimizer_numbers_a_parameter(config.optimizer);
  if (config.distributed.shard_optimizer) memory.optimizer /= num_ranks;
  memory.step_weights = step_weight_bytes(config, plan, num_ranks);
  memory.activations_kept = activation_bytes(config, pass);
  pass.activation_checkpointing = true;
  memory.activations_checkpointed = activation_bytes(config, pass);
  memory.activations = config.train.activation_checkpointing ? memory.activations_checkpointed
                                                             : memory.activations_kept;
  // Backward is at its most at its start, with the head's gradient alone, or at its end, with all
  // of them and what one layer needs. In float32 the head's is among the activations.
  const std::int64_t early = config.compute_dtype() == at::kFloat
                                 ? 0
                                 : kFloatBytes * head_size(config.model, plan.vocab_size).all;
  if (num_ranks == 1 && plan.micro_batch_tokens >= config.train.batch_tokens)
    memory.not_at_once =
        std::min(memory.gradients - early,
                 memory.activations - memory.activations / config.model.num_layers);
  return memory;
}

}  // namespace longspan
