#pragma once

#include <c10/core/DeviceType.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "longspan/run/run_config.h"

namespace longspan {

/// What a plan is told beside the configuration. Sizes given here stand in for those of the shards.
struct PlanOptions {
  std::optional<std::int64_t> vocab_size = std::nullopt;
  std::optional<std::int64_t> train_tokens = std::nullopt;
  /// Of one device; without it no time is estimated.
  std::optional<double> tokens_per_second = std::nullopt;
  c10::DeviceType device = c10::kCPU;  ///< whose memory is planned
};

/// What one device holds, in bytes; optimizer state and gradients are float32.
struct PlannedMemory {
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;
  std::int64_t optimizer = 0;
  /// In two bytes the copies of weights that a step computes with, and on several ranks the sums of
  /// their gradients before these travel.
  std::int64_t step_weights = 0;
  std::int64_t activations = 0;  ///< as train.activation_checkpointing says
  std::int64_t activations_kept = 0;
  std::int64_t activations_checkpointed = 0;
  /// Of gradients and activations, in a step of one pass on one device: gradients come as
  /// activations go.
  std::int64_t not_at_once = 0;

  std::int64_t total() const {
    return parameters + gradients + optimizer + step_weights + activations - not_at_once;
  }
};

/// What a run would be. A number that needs the training text is 0 where its size is not known.
struct Plan {
  std::string name;
  /// The published corpus whose counts stand in for those of shards; "" where they do not.
  std::string corpus;
  std::int64_t vocab_size = 0;
  std::int64_t parameters = 0;
  std::vector<std::pair<std::string, std::int64_t>> parameters_by_part;  ///< adds up to the total
  PlannedMemory memory;
  std::int64_t num_ranks = 1;           ///< of distributed.processes; where it says auto, one
  std::int64_t micro_batch_tokens = 0;  ///< of a pass; one sequence where the file says auto
  std::int64_t tokens_per_step = 0;
  std::int64_t train_tokens = 0;
  std::int64_t blocks = 0;  ///< 0 where data.document_bounds is blocks, as the next one
  std::int64_t steps_per_epoch = 0;
  std::int64_t steps = 0;   ///< 0 when only time or unknown epochs limit the run
  std::int64_t tokens = 0;  ///< steps times tokens_per_step, so at most
  double epochs = 0.0;
  /// 6 for each weight that multiplies a token, 6 T d_model for a layer's causal attention; the
  /// tails of an adaptive softmax, which few targets reach, aside.
  double flop_per_token = 0.0;
  double flop = 0.0;
  std::optional<double> device_hours;
};

/// Plans a run without training it; makes one layer of the model at most.
/// @throws Error(Data) when neither shards nor options tell the size of the vocabulary;
/// Error(Config)
Plan make_plan(const RunConfig& config, const PlanOptions& options);

/// Returns Plan::flop_per_token of a run whose vocabulary's size is known. Makes one layer of the
/// model.
double flop_per_token(const RunConfig& config, std::int64_t vocab_size);

/// What the memory of a pass depends on besides the configuration.
struct PassSize {
  std::int64_t tokens = 0;
  std::int64_t vocab_size = 0;
  bool activation_checkpointing = false;
  c10::DeviceType device = c10::kCPU;
};

/// Returns the greatest number of bytes that a training pass holds beside parameters, gradients,
/// the weights of a step and optimizer state. With N tokens, widths D, F (feed-forward), G (keys or
/// values), H heads, e bytes an element of products, a layer keeps N times
///   4 D e + a F e + 16 + attention,
/// a = 1 for relu, 2 for relu with dropout on a CPU and for gelu, 4 (on a GPU 3) for swiglu; for
/// attention
///   8 D + 8 G + 4 H on a CPU, and 6 D in two bytes; 4 D + 4 G + 4 H by the kernels of a GPU, and
///   2 D + 2 G with a rotation;
///   where it keeps its scores 16 D + 4 H T in float32, 12 D (on a GPU 8 D) + 6 H T in two bytes,
///   and 8 H T or 4 H T with dropout.
/// Checkpointing keeps e N D a layer instead. On top come 4 N D, the float32 gradient of the head's
/// matrices, and the greater of what the loss works on (the logits of some rows, the gradient of
/// the features) and of what the backward pass of the last layer does (its gradients, e N (2 D +
/// 2 F) at most; the layer itself, where it was not kept). Within 10 % of what is measured on the
/// CPU.
std::int64_t activation_bytes(const RunConfig& config, const PassSize& pass);

}  // namespace longspan
