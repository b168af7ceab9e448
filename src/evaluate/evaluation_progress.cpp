// The progress line of an evaluation.

#include "evaluate/evaluation_progress.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/kernels/activation_kind.h"

namespace longspan {

EvaluationProgress::EvaluationProgress(std::string name, const Transformer& model,
                                       std::int64_t num_targets)
    : name_(std::move(name)), num_targets_(num_targets) {
  const ModelConfig& config = model.config();
  const auto layers = static_cast<double>(config.num_layers),
             d_model = static_cast<double>(config.d_model),
             q_dim = static_cast<double>(config.heads_dim()),
             kv_dim = static_cast<double>(config.num_kv_heads * config.head_dim()),
             ffn = static_cast<double>(config.ffn_dim);
  const double matrices = shape_of(config.activation).gated ? 3.0 : 2.0;
  flop_a_token_ = 2.0 * layers * d_model * (2.0 * q_dim + 2.0 * kv_dim + matrices * ffn);
  flop_a_pair_ = 4.0 * layers * q_dim;
  flop_a_target_ = 2.0 * d_model * static_cast<double>(model.vocab_size());
}

double EvaluationProgress::flop_of(std::span<const Window> windows) const {
  double flop = 0.0;
  for (const Window& window : windows) {
    const auto size = static_cast<double>(window.end - window.context_begin),
               targets = static_cast<double>(window.end - window.score_begin);
    flop += size * (flop_a_token_ + flop_a_pair_ * size / 2.0) + targets * flop_a_target_;
  }
  return flop;
}

void EvaluationProgress::plan(std::int64_t length, EvaluationMode mode) {
  planned_ += flop_of(make_windows(num_targets_, length, mode));
  ++num_cells_;
}

void EvaluationProgress::begin(std::int64_t length, EvaluationMode mode) {
  what_ = concat("length ", length, ' ', mode.name());
  ++cell_;
}

void EvaluationProgress::add(std::span<const Window> windows) {
  done_ += flop_of(windows);
  line_.update([this] { return text(); });
}

std::string EvaluationProgress::text() const {
  const double share = std::min(1.0, done_ / planned_);
  char percent[16];
  std::snprintf(percent, sizeof percent, "%.0f %%", 100.0 * share);
  return concat("evaluate ", name_, " | ", what_, ", ", cell_, " of ", num_cells_, " | ", percent,
                time_left_text(line_.seconds(), share));
}

}  // namespace longspan
