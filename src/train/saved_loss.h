#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "longspan/data/shards.h"
#include "longspan/run/run_config.h"

namespace longspan {

/// What a checkpoint's weights gave when they were saved: the mean loss of the first tokens of the
/// training text, without dropout, as one rank computes it.
struct SavedLoss {
  double nats = 0.0;  ///< a token
  std::int64_t tokens = 0;
  /// What the bits of the loss depend on besides: versions, device, threads, precision.
  std::map<std::string, std::string> environment;
};

/// What a loss is computed from.
struct LossInputs {
  const RunConfig& config;
  const Transformer& model;
  const ShardFolder& data;
};

/// Returns what to save with the model; nothing without checkpoint.check_loss, or where the loss is
/// not finite.
std::optional<SavedLoss> loss_to_save(const LossInputs& inputs);

/// Computes the loss again and logs the outcome: the same bits where the environment is the same,
/// else within loss_tolerance().
/// @param checkpoint its name for the error  @throws Error(Checkpoint) that names both losses
void check_saved_loss(const LossInputs& inputs, const SavedLoss& saved,
                      const std::string& checkpoint);

/// Returns by how much the mean loss of `tokens` tokens may differ, in nats, between two ways to
/// round: src/train/README.md derives it.
/// @param unit largest relative error of rounding an input of a product; 0: they are not rounded
double loss_tolerance(const Transformer& model, std::int64_t tokens, double unit);

}  // namespace longspan
