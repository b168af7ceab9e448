// One layer, in the order of the paper's code: h = x + drop(out(attn(norm(x)))), y = h +
// drop(fc2(drop(act(fc1(norm(h)))))). With parallel residuals the second norm reads x as well.

#include "model/layer.h"

#include <ATen/TensorOperators.h>

#include <cmath>

#include "longspan/kernels/activation.h"
#include "longspan/model/shapes.h"
#include "model/projection.h"

namespace longspan {
namespace {

constexpr std::uint64_t kPlaces = 8;

std::string prefix(std::int64_t index) { return "layers." + std::to_string(index); }

// fairseq starts the output projection's bias at zero, unlike those of q, k and v.
LinearStart out_start(const ModelConfig& config) {
  if (config.init == InitScheme::Gpt2)
    return {Start::normal(gpt2_residual_std(config)), Start::constant(0.0)};
  LinearStart start = projection_start(config, 1.0, config.heads_dim(), config.d_model);
  start.bias = Start::constant(0.0);
  return start;
}

}  // namespace

DropoutKey Pass::key(DropoutPlace place, std::int64_t layer) const {
  return {options->randomness->seed, options->randomness->step,
          static_cast<std::uint64_t>(layer) * kPlaces + static_cast<std::uint64_t>(place)};
}

at::Tensor Pass::drop(const at::Tensor& x, double p, DropoutPlace place, std::int64_t layer,
                      const at::Tensor& row_ids) const {
  if (!row_ids_BT.defined() || p == 0.0) return x;
  return counted_dropout(x, row_ids.defined() ? row_ids : row_ids_BT, p, key(place, layer));
}

std::optional<RowDropout> Pass::row_dropout(double p, DropoutPlace place,
                                            std::int64_t layer) const {
  if (!row_ids_BT.defined() || p == 0.0) return std::nullopt;
  return RowDropout{p, key(place, layer), row_ids_BT};
}

Layer::Layer(ParameterList& parameters, const ModelConfig& config, std::int64_t index)
    : config_(&config),
      index_(index),
      attn_norm_(parameters, prefix(index) + ".attn_norm", config) {
  const std::int64_t d_model = config.d_model, q_dim = config.heads_dim(),
                     kv_dim = config.num_kv_heads * config.head_dim();
  const bool bias = config.has_attention_bias();
  const std::string attn = prefix(index) + ".attn.", ffn = prefix(index) + ".ffn.";
  const double gain =
      1.0 / std::sqrt(2.0);  // fairseq's, from the time when q, k and v were one matrix
  q_ = Linear(parameters, attn + "q", d_model, q_dim, bias,
              projection_start(config, gain, d_model, q_dim));
  k_ = Linear(parameters, attn + "k", d_model, kv_dim, bias,
              projection_start(config, gain, d_model, kv_dim));
  v_ = Linear(parameters, attn + "v", d_model, kv_dim, bias,
              projection_start(config, gain, d_model, kv_dim));
  out_ = Linear(parameters, attn + "out", q_dim, d_model, bias, out_start(config));
  ffn_norm_ = Norm(parameters, prefix(index) + ".ffn_norm", config);
  const LinearStart in_start = torch_default_start(config, d_model, gpt2_std(config));
  fc1_ = Linear(parameters, ffn + "fc1", d_model, config.ffn_dim, config.bias, in_start);
  if (shape_of(config.activation).gated)
    gate_ = Linear(parameters, ffn + "gate", d_model, config.ffn_dim, config.bias, in_start);
  fc2_ = Linear(parameters, ffn + "fc2", config.ffn_dim, d_model, config.bias,
                torch_default_start(config, config.ffn_dim, gpt2_residual_std(config)));
}

void Layer::add_companies(std::vector<Company>& companies) const {
  const std::vector<const Linear*> products[] = {{&q_, &k_, &v_}, {&out_}, inner(), {&fc2_}};
  for (const auto& linears : products)
    for (Company& company : companies_of(linears)) companies.push_back(std::move(company));
}

std::vector<const Linear*> Layer::inner() const {
  if (shape_of(config_->activation).gated) return {&fc1_, &gate_};
  return {&fc1_};
}

bool Layer::has_norms_behind() const {
  return config_->norm_placement == NormPlacement::Post && !config_->parallel_residual;
}

at::Tensor Layer::normed_input(const at::Tensor& x_BTD, const Pass& pass) const {
  if (has_norms_behind()) return {};
  return normalized(x_BTD, attn_norm_.weights, pass.options->compute_dtype);
}

Stream Layer::forward(const Stream& in, const Pass& pass, const Layer* next) const {
  const auto& [x_BTD, normed_BTD] = in;
  const auto dtype = pass.options->compute_dtype;
  const double p = config_->dropout.residual;
  const auto of_attention = pass.row_dropout(p, DropoutPlace::AttentionOutput, index_),
             of_feed_forward = pass.row_dropout(p, DropoutPlace::FeedForwardOutput, index_);
  const NormWeights &attn_norm = attn_norm_.weights, &ffn_norm = ffn_norm_.weights;
  if (has_norms_behind()) {
    const auto h = residual_norm(x_BTD, attend(x_BTD, pass), of_attention, attn_norm, dtype).normed;
    return {residual_norm(h, feed_forward(h, pass), of_feed_forward, ffn_norm, dtype).normed, {}};
  }
  const auto branch_BTD = attend(normed_BTD, pass);
  SumAndNorm h;
  if (config_->parallel_residual)
    h = {residual_sum(x_BTD, branch_BTD, of_attention), normalized(x_BTD, ffn_norm, dtype)};
  else
    h = residual_norm(x_BTD, branch_BTD, of_attention, ffn_norm, dtype);
  const auto inner_BTD = feed_forward(h.normed, pass);
  if (next == nullptr) return {residual_sum(h.sum, inner_BTD, of_feed_forward), {}};
  const auto [sum, normed] =
      residual_norm(h.sum, inner_BTD, of_feed_forward, next->attn_norm_.weights, dtype);
  return {sum, normed};
}

at::Tensor Layer::attend(const at::Tensor& x_BTD, const Pass& pass) const {
  const std::int64_t B = x_BTD.size(0), T = x_BTD.size(1), K = config_->head_dim();
  const auto projected = project(x_BTD, {&q_, &k_, &v_}, *pass.options);
  const double bound = config_->clip_qkv;
  const auto heads = [&](std::size_t i, std::int64_t count) {
    const auto& x = projected[i];
    return (bound > 0.0 ? x.clamp(-bound, bound) : x).view({B, T, count, K});
  };
  at::Tensor q_BTHK = heads(0, config_->num_heads), k_BSGK = heads(1, config_->num_kv_heads);
  if (pass.rotation) {
    q_BTHK = rotate_pairs(q_BTHK, pass.rotation->query, pass.rotation->pairing);
    k_BSGK = rotate_pairs(k_BSGK, pass.rotation->key, pass.rotation->pairing);
  }
  at::Tensor v_BSGK = heads(2, config_->num_kv_heads);
  if (auto* cache = pass.options->cache) {
    const auto seen = cache->append(static_cast<std::size_t>(index_), k_BSGK, v_BSGK);
    k_BSGK = seen.k_BSGK;
    v_BSGK = seen.v_BSGK;
  }
  AttentionOptions options{pass.bias, pass.position->score_scale(K), std::nullopt,
                           pass.options->first_seen_BT};
  if (pass.row_ids_BT.defined() && config_->dropout.attention > 0.0)
    options.dropout = {config_->dropout.attention, pass.key(DropoutPlace::Attention, index_),
                       pass.row_ids_BT};
  if (pass.options->when_attending) pass.options->when_attending({index_, q_BTHK, k_BSGK, options});
  const auto mixed_BTHK = attention(q_BTHK, k_BSGK, v_BSGK, options);
  return project(mixed_BTHK.view({B, T, config_->heads_dim()}), {&out_}, *pass.options).front();
}

at::Tensor Layer::feed_forward(const at::Tensor& x_BTD, const Pass& pass) const {
  const auto parts = project(x_BTD, inner(), *pass.options);
  ActivationInput input{parts.front(), {}};
  if (parts.size() > 1) input.gate = parts.back();
  const auto dropout =
      pass.row_dropout(config_->dropout.activation, DropoutPlace::Activation, index_);
  return project(activated(config_->activation, input, dropout), {&fc2_}, *pass.options).front();
}

}  // namespace longspan
