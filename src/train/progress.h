#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/optim/loss_scale.h"
#include "train/guard.h"
#include "train/layer_norms.h"
#include "train/saved_loss.h"

namespace longspan {

/// What a row of metrics says of its step alone.
struct StepNumbers {
  double lr = 0.0;
  double grad_norm = 0.0;
  std::vector<LayerNorms> layer_norms = {};  ///< where log.layer_norms asks for them
  std::vector<double> activation_max = {};   ///< of each layer, as log.activation_max says
};

/// The counters of a run that a checkpoint carries besides tensors.
struct RunProgress {
  std::int64_t step = 0;           ///< batches, those of skipped updates included
  std::int64_t skipped = 0;        ///< of these steps, those whose update was left out
  std::int64_t tokens = 0;         ///< targets of these batches
  double elapsed_seconds = 0.0;    ///< in training, all parts of the run
  double interval_loss_sum = 0.0;  ///< of the updates since the last row of metrics
  std::int64_t interval_targets = 0;
  std::optional<double> best_value;  ///< of checkpoint.keep_best
  std::int64_t best_step = 0;
  std::int64_t micro_batch_tokens = 0;
  std::string data_fingerprint;
  std::int64_t data_order_version = 1;         ///< of data.order
  std::optional<LossScale::State> loss_scale;  ///< fp16 only
  std::optional<Guard::State> guard;           ///< where train.guard asks for one
  std::optional<SavedLoss> saved_loss;         ///< of the checkpoint's weights
  /// The last step, when the run was stopped in the validation that is due after it: what its row
  /// of metrics needs besides.
  std::optional<StepNumbers> unfinished;

  Json to_json() const;
  /// @throws Error(Checkpoint)
  static RunProgress from_json(const Json& document);
};

/// When a validation is the best of a run.
enum class BestRule {
  Lower,    ///< lower than all before
  Fairseq,  ///< as fairseq's checkpoint_best: not above the best in bits rounded to 3 decimals, so
            ///< the later of equals
};
/// Returns whether a validation's loss makes it the best. @param loss,best nats a token; best is
/// nothing before the first validation @return false for a loss that is not a number
bool is_better(double loss, std::optional<double> best, BestRule rule);

}  // namespace longspan
