// Puts vocabulary, position method and layers together.

#include "longspan/model/transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "longspan/core/error.h"
#include "longspan/kernels/dropout.h"
#include "model/layer.h"
#include "model/recompute.h"
#include "model/vocabulary.h"
#include "model/weight_use.h"

namespace longspan {

struct Transformer::Parts {
  ModelConfig config;
  std::unique_ptr<PositionMethod> position;
  std::int64_t vocab_size = 0;
  ParameterList parameters;
  std::unique_ptr<Vocabulary> vocabulary;
  std::vector<Layer> layers;
  std::vector<BiasCopy> bias_copies;  // one a layer, and one where there is none
  Norm embed_norm, final_norm;
};

Transformer::Transformer(const ModelConfig& config, std::unique_ptr<PositionMethod> position,
                         std::int64_t vocab_size)
    : parts_(std::make_unique<Parts>()) {
  Parts& parts = *parts_;
  parts.config = config;
  parts.position = std::move(position);
  parts.vocab_size = vocab_size;
  parts.vocabulary = config.embedding.kind == EmbeddingKind::Adaptive
                         ? make_adaptive_vocabulary(parts.parameters, parts.config, vocab_size)
                         : make_plain_vocabulary(parts.parameters, parts.config, vocab_size);
  if (config.embedding.norm) parts.embed_norm = Norm(parts.parameters, "embed_norm", config);
  for (const auto& parameter : parts.position->parameters())
    parts.parameters.adopt("position." + parameter.name, parameter.tensor,
                           {Start::Kind::Normal, parameter.normal_std, parameter.start_value});
  for (std::int64_t i = 0; i < config.num_layers; ++i)
    parts.layers.emplace_back(parts.parameters, parts.config, i);
  parts.bias_copies = std::vector<BiasCopy>(std::max<std::size_t>(1, parts.layers.size()));
  if (config.final_norm) parts.final_norm = Norm(parts.parameters, "final_norm", config);
}

Transformer::~Transformer() = default;
Transformer::Transformer(Transformer&&) noexcept = default;

const ModelConfig& Transformer::config() const { return parts_->config; }
const PositionMethod& Transformer::position() const { return *parts_->position; }
std::int64_t Transformer::vocab_size() const { return parts_->vocab_size; }
const NamedTensors& Transformer::parameters() const { return parts_->parameters.tensors(); }

std::int64_t Transformer::num_parameters() const {
  std::int64_t count = 0;
  for (const auto& parameter : parameters()) count += parameter.tensor.numel();
  return count;
}

void Transformer::initialize(std::uint64_t seed) { fill(parts_->parameters, seed); }

void Transformer::load_parameters(const NamedTensors& values, std::string_view source) {
  constexpr std::string_view kRemedy = "; is it of another model?";
  std::map<std::string, at::Tensor> by_name;
  for (const auto& value : values) by_name[value.name] = value.tensor;
  const at::NoGradGuard no_gradient;
  for (const auto& [name, tensor] : parameters()) {
    const auto found = by_name.find(name);
    check(found != by_name.end(), ErrorKind::Checkpoint, source, " must have a tensor ", name, " ",
          tensor.sizes(), ", it has none", kRemedy);
    check(found->second.sizes() == tensor.sizes(), ErrorKind::Checkpoint, "tensor ", name, " of ",
          source, " must have the shape ", tensor.sizes(), ", got ", found->second.sizes(),
          kRemedy);
    tensor.copy_(found->second);
    by_name.erase(found);
  }
  check(by_name.empty(), ErrorKind::Checkpoint, source,
        " must have no tensors beyond the model's, got ",
        by_name.empty() ? "" : by_name.begin()->first, kRemedy);
}

void Transformer::to(c10::Device device) {
  for (const auto& parameter : parameters()) {
    at::Tensor tensor = parameter.tensor;
    tensor.set_data(tensor.detach().to(device));
  }
}

PassBandRows Transformer::band_rows(std::span<const std::int64_t> input_ids,
                                    std::span<const std::int64_t> target_ids) const {
  if (config().embedding.kind != EmbeddingKind::Adaptive) return {};
  const auto bands = vocabulary_bands(config(), vocab_size());
  return {find_band_rows(bands, input_ids), find_target_rows(bands, target_ids, config().dialect)};
}

StepWeights Transformer::step_weights(at::ScalarType dtype) const {
  if (!c10::isReducedFloatingType(dtype)) return {};
  std::vector<Company> companies;
  parts_->vocabulary->add_companies(companies, dtype);
  for (const Layer& layer : parts_->layers) layer.add_companies(companies);
  return {companies, dtype};
}

namespace {

Pass make_pass(const ForwardOptions& options, const PositionMethod& position,
               std::int64_t num_positions) {
  Pass pass;
  pass.options = &options;
  pass.position = &position;
  pass.positions = {options.cache != nullptr ? options.cache->num_positions() : 0, num_positions};
  if (options.randomness != nullptr)
    pass.row_ids_BT =
        dropout_row_ids(options.randomness->sequence_ids_B, pass.positions.first, num_positions);
  return pass;
}

at::Tensor largest_magnitude(const at::Tensor& x_BTD) {
  return at::linalg_vector_norm(x_BTD.detach(), std::numeric_limits<double>::infinity());
}

}  // namespace

at::Tensor Transformer::features(const at::Tensor& input_ids_BT,
                                 const ForwardOptions& options) const {
  const ModelConfig& config = parts_->config;
  Pass pass = make_pass(options, *parts_->position, input_ids_BT.size(1));
  const std::int64_t num_keys = pass.positions.first + pass.positions.count;
  if (const auto limit = parts_->position->max_positions())
    check(num_keys <= *limit, ErrorKind::Config, "the position method ends at ", *limit,
          " positions, got a sequence of ", num_keys);
  pass.rotation = parts_->position->rotation(
      pass.positions, at::TensorOptions(input_ids_BT.device()).dtype(options.compute_dtype));
  auto biases = parts_->position->layer_biases(num_keys);
  check(biases.size() == 1 || biases.size() == parts_->layers.size(), ErrorKind::Internal,
        "a position method must give one bias or one a layer, got ", biases.size());
  // Constant biases are made on the CPU.
  for (std::size_t i = 0; i < biases.size(); ++i)
    biases[i] = parts_->bias_copies[i].on(input_ids_BT.device(), biases[i]);

  auto x_BTD = parts_->vocabulary->embed(input_ids_BT, options);
  if (config.embedding.scale) x_BTD = x_BTD * std::sqrt(static_cast<double>(config.d_model));
  if (config.embedding.norm)
    x_BTD = normalized(x_BTD, parts_->embed_norm.weights, x_BTD.scalar_type());
  // From here on the residual stream has the dtype of the computation, whatever the vocabulary
  // gave.
  x_BTD = parts_->position->embed(x_BTD, pass.positions).to(options.compute_dtype);
  x_BTD = pass.drop(x_BTD, config.dropout.embedding, DropoutPlace::Embedding, 0);
  const bool recompute = options.activation_checkpointing && at::GradMode::is_enabled();
  const auto& layers = parts_->layers;
  Stream stream{x_BTD, layers.empty() ? at::Tensor() : layers.front().normed_input(x_BTD, pass)};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer* const next = i + 1 < layers.size() ? &layers[i + 1] : nullptr;
    pass.bias = biases[biases.size() == 1 ? 0 : i];
    stream = recompute ? forward_recomputed(layers[i], stream, pass, next)
                       : layers[i].forward(stream, pass, next);
    if (options.layer_maxima != nullptr)
      options.layer_maxima->push_back(largest_magnitude(stream.x_BTD));
  }
  if (options.cache != nullptr) options.cache->advance(pass.positions.count);
  x_BTD = stream.x_BTD;
  if (!config.final_norm) return x_BTD;
  const auto features_dtype = x_BTD.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return normalized(x_BTD, parts_->final_norm.weights, features_dtype);
}

at::Tensor Transformer::loss_sum(const at::Tensor& features_BTD, const at::Tensor& target_ids_BT,
                                 const ForwardOptions& options) const {
  const Pass pass = make_pass(options, *parts_->position, features_BTD.size(1));
  const auto row_ids_N = pass.row_ids_BT.defined() ? pass.row_ids_BT.reshape({-1}) : at::Tensor();
  const auto features_ND = features_BTD.reshape({-1, features_BTD.size(2)});
  const auto dropped_ND =
      pass.drop(features_ND, parts_->config.dropout.head, DropoutPlace::Head, 0, row_ids_N);
  return parts_->vocabulary->loss_sum(dropped_ND, target_ids_BT.reshape({-1}), row_ids_N, pass);
}

at::Tensor Transformer::target_log_probabilities(const at::Tensor& features_ND,
                                                 const at::Tensor& targets_N) const {
  const at::NoGradGuard no_gradient;
  return parts_->vocabulary->target_log_probabilities(features_ND.to(at::kFloat), targets_N);
}

at::Tensor Transformer::log_probabilities(const at::Tensor& features_ND) const {
  const at::NoGradGuard no_gradient;
  return parts_->vocabulary->log_probabilities(features_ND.to(at::kFloat));
}

}  // namespace longspan
