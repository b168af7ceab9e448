#pragma once

#include "longspan/model/transformer.h"
#include "model/linear.h"

namespace longspan {

/// The dropouts of the model, each with numbers of its own. The values are part of the format of a
/// run: never renumber.
enum class DropoutPlace : std::uint64_t {
  Embedding,
  Attention,
  AttentionOutput,
  Activation,
  FeedForwardOutput,
  Head,
  Tail
};

/// What all layers of one forward pass share.
struct Pass {
  const ForwardOptions* options = nullptr;
  const PositionMethod* position = nullptr;
  Positions positions;
  std::optional<Rotation> rotation;
  ScoreBias bias;
  at::Tensor row_ids_BT;  ///< defined when dropout is on

  /// Drops elements of x with probability p when dropout is on. @param rows of x, by default all of
  /// the batch
  at::Tensor drop(const at::Tensor& x, double p, DropoutPlace place, std::int64_t layer,
                  const at::Tensor& row_ids = {}) const;
  DropoutKey key(DropoutPlace place, std::int64_t layer) const;
  /// A dropout of rows of the batch; nothing when dropout is off.
  std::optional<RowDropout> row_dropout(double p, DropoutPlace place, std::int64_t layer) const;
};

/// The residual stream between two layers.
struct Stream {
  at::Tensor x_BTD;
  at::Tensor normed_BTD;  ///< normed_input() of the layer to come
};

/// One transformer layer: attention and feed-forward, each with its norm and residual.
class Layer {
 public:
  Layer(ParameterList& parameters, const ModelConfig& config, std::int64_t index);
  /// Returns what attention reads of a stream that no layer has normalised; undefined where that
  /// is the stream itself.
  at::Tensor normed_input(const at::Tensor& x_BTD, const Pass& pass) const;
  /// @param next the layer behind, whose norm is computed where the sum is; null: none
  Stream forward(const Stream& in, const Pass& pass, const Layer* next) const;
  /// Appends what forward() asks StepWeights for.
  void add_companies(std::vector<Company>& companies) const;

 private:
  bool has_norms_behind() const;
  at::Tensor attend(const at::Tensor& x_BTD, const Pass& pass) const;
  at::Tensor feed_forward(const at::Tensor& x_BTD, const Pass& pass) const;
  /// Returns the layers that read the input of the feed-forward part: fc1, and the gate.
  std::vector<const Linear*> inner() const;

  const ModelConfig* config_;
  std::int64_t index_;
  Norm attn_norm_, ffn_norm_;
  Linear q_, k_, v_, out_, fc1_, gate_, fc2_;
};

}  // namespace longspan
