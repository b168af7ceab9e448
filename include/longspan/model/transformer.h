#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "longspan/core/named_tensors.h"
#include "longspan/model/band_rows.h"
#include "longspan/model/config.h"
#include "longspan/model/key_value_cache.h"
#include "longspan/model/step_weights.h"
#include "longspan/position/position.h"

namespace longspan {

/// What dropout's random numbers are counted by in a training pass.
struct TrainingRandomness {
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  at::Tensor sequence_ids_B;  ///< int64 [B], running number over the run
};

/// What one layer gives attention.
struct LayerAttention {
  std::int64_t index = 0;  ///< of the layer
  at::Tensor q_BTHK, k_BSGK;
  const AttentionOptions& options;
};

/// How a forward pass is run.
struct ForwardOptions {
  const TrainingRandomness* randomness = nullptr;  ///< none: no dropout
  KeyValueCache* cache = nullptr;  ///< read and extended when given; no gradient then
  at::ScalarType compute_dtype =
      at::kFloat;                       ///< of matrix products; float32 parameters stay as they are
  StepWeights* step_weights = nullptr;  ///< of all passes of a step; none: of each operation
  double loss_scale = 1.0;              ///< what backward of the loss will be called with
  /// Of the ids of this pass, by band_rows(), on their device. None: an adaptive vocabulary asks
  /// the ids' device, and the host waits for a GPU.
  const PassBandRows* band_rows = nullptr;
  /// Int32 [B, T], on the ids' device: the first position that each position attends to, see
  /// AttentionOptions. Undefined: the first of all.
  at::Tensor first_seen_BT = {};
  /// Keep only the inputs of the layers for backward and run each layer again there: same bits,
  /// less memory, a third more work.
  bool activation_checkpointing = false;
  /// Gets the largest absolute value of each layer's output, in their order, where it is given:
  /// scalars in the dtype of the residual stream, on its device, without a gradient.
  std::vector<at::Tensor>* layer_maxima = nullptr;
  /// When given, told of each layer's attention, before it is computed.
  std::function<void(const LayerAttention& layer)> when_attending = {};
};

/// A decoder-only transformer language model on one device. It knows nothing of ranks, files or
/// logs.
class Transformer {
 public:
  /// @throws Error(Config) when the embedding's cutoffs do not fit vocab_size
  Transformer(const ModelConfig& config, std::unique_ptr<PositionMethod> position,
              std::int64_t vocab_size);
  ~Transformer();
  Transformer(Transformer&&) noexcept;

  const ModelConfig& config() const;
  const PositionMethod& position() const;
  std::int64_t vocab_size() const;
  /// Returns all trainable tensors with their checkpoint names, in a fixed order. The tensors are
  /// shared, not copied.
  const NamedTensors& parameters() const;
  /// Returns the number of trainable scalars.
  std::int64_t num_parameters() const;
  /// Fills the parameters as config().init says; each value is a function of (seed, name, index).
  void initialize(std::uint64_t seed);
  /// Copies values into the parameters. @throws Error(Checkpoint) that names a missing, extra or
  /// misshapen tensor of `source`, a file or folder
  void load_parameters(const NamedTensors& values, std::string_view source = "the checkpoint");
  /// Moves the parameters to a device.
  void to(c10::Device device);

  /// Looks up the bands of a pass's ids on the host; nothing where the vocabulary has no bands.
  /// @param target_ids below 0: in no band
  PassBandRows band_rows(std::span<const std::int64_t> input_ids,
                         std::span<const std::int64_t> target_ids) const;
  /// Returns what the passes of a step share when they compute in a dtype: the parameters as they
  /// are now in that dtype.
  StepWeights step_weights(at::ScalarType dtype) const;
  /// Returns what the head sees: the output of the last layer (after the final norm if there is
  /// one).
  /// @param input_ids_BT int64  @return float [B, T, D]  @throws Error(Config) past
  /// position().max_positions()
  at::Tensor features(const at::Tensor& input_ids_BT, const ForwardOptions& options) const;
  /// Returns the summed negative log-likelihood in nats of the targets that are >= 0;
  /// differentiable. In bfloat16 and float16 this call itself adds the gradients of the head's
  /// weights to those of the step: backward must follow once, with options.loss_scale.
  at::Tensor loss_sum(const at::Tensor& features_BTD, const at::Tensor& target_ids_BT,
                      const ForwardOptions& options) const;
  /// Returns log p(target) in nats, float32 [N], without a gradient. @param targets_N int64, all >=
  /// 0
  at::Tensor target_log_probabilities(const at::Tensor& features_ND,
                                      const at::Tensor& targets_N) const;
  /// Returns log p of every id, float32 [N, V], without a gradient.
  at::Tensor log_probabilities(const at::Tensor& features_ND) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace longspan
