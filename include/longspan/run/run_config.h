#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/data/batches.h"
#include "longspan/data/shards.h"
#include "longspan/distributed/config.h"
#include "longspan/model/transformer.h"
#include "longspan/optim/loss_scale.h"
#include "longspan/optim/optimizer.h"
#include "longspan/optim/schedule.h"
#include "longspan/run/guard_config.h"

namespace longspan {

enum class Precision { Fp32, Bf16, Fp16 };
/// Returns a precision as config files spell it.
std::string_view name_of(Precision precision);

/// How long, in what pieces and in which numbers a run trains. The first limit reached ends the
/// run; one that is absent, in the file 0, is none.
struct TrainConfig {
  std::optional<std::int64_t> max_steps;
  std::optional<std::int64_t> max_tokens;
  std::optional<std::int64_t> max_epochs;
  std::optional<double> max_seconds;  ///< of training, earlier parts of a resumed run included
  /// Per optimizer step, over all ranks; a multiple of seq_len. With data.order fairseq both this
  /// and the next are what is left of the file's once a pass holds whole sequences only.
  std::int64_t batch_tokens = 0;
  /// Per pass; memory and the order of sums depend on it. 0, in the file `auto`: the largest that
  /// fits.
  std::int64_t micro_batch_tokens = 0;
  Precision precision = Precision::Fp32;  ///< of matrix products; parameters and sums stay float32
  LossScaleConfig loss_scale;             ///< fp16 only
  bool activation_checkpointing = false;  ///< run each layer again in backward to save memory
  GuardConfig guard;
  std::int64_t check_every_steps = 0;  ///< compute loss and gradients twice and compare; 0: never
};

/// What a run writes into its log at each validation.
struct SampleConfig {
  std::string prompt;           ///< empty: the start of a text
  std::int64_t max_tokens = 0;  ///< 0: no sample
};

struct ValidateConfig {
  std::int64_t every_steps = 0;  ///< 0: at the end only
  std::vector<std::int64_t> lengths;
  std::vector<std::int64_t> extrapolation_lengths;
  std::int64_t max_targets = 0;  ///< score only the first this many targets of the split; 0: all
  SampleConfig sample;
};

/// A number of a validation, the lowest of which is the best.
struct BestMetric {
  enum class Kind { ValidLoss, ValidPpl, ExtrapolationPpl };
  Kind kind = Kind::ValidLoss;
  std::int64_t length = 0;  ///< of ExtrapolationPpl
};

struct CheckpointConfig {
  std::int64_t every_steps = 0;  ///< 0: at the end only
  std::int64_t keep_last = 3;
  std::optional<BestMetric> keep_best;  ///< nothing keeps none
  std::int64_t keep_every_steps = 0;    ///< multiples of this are kept for good; 0: none
  bool async = true;                    ///< write beside training from a copy
  bool check_loss = true;  ///< save the loss of a few tokens, and compute it again on resuming
};

struct LogConfig {
  std::int64_t every_steps = 10;
  bool tensorboard = true;
  std::int64_t timeline_steps = 0;  ///< the first this many steps after a start go to timeline.json
  bool layer_norms = false;         ///< rows of metrics have the norms of each layer
  bool mfu = false;                 ///< and the share of the devices' peak that training reaches
  bool activation_max = false;      ///< and the largest absolute value of each layer's output
};

/// Everything that one YAML file says.
struct RunConfig {
  std::string name;
  std::uint64_t seed = 1;
  ModelConfig model;
  PositionConfig position;
  DataConfig data;
  OptimizerConfig optimizer;
  ScheduleConfig schedule;
  TrainConfig train;
  ValidateConfig validate;
  CheckpointConfig checkpoint;
  DistributedConfig distributed;
  LogConfig log;
  std::string resolved;  ///< every key, defaults included, as YAML

  std::int64_t sequences_per_step() const { return train.batch_tokens / data.seq_len; }
  at::ScalarType compute_dtype() const {
    if (train.precision == Precision::Fp16) return at::kHalf;
    return train.precision == Precision::Bf16 ? at::kBFloat16 : at::kFloat;
  }
};

/// Reads a whole configuration. @throws Error(Config)
RunConfig read_run_config(const config::Document& document);

/// Makes the model of a run with values that are not set. @throws Error(Config)
Transformer make_unset_model(const RunConfig& config, std::int64_t vocab_size);
/// Makes the model of a run with its start values. @throws Error(Config), Error(Checkpoint) for
/// init.from
Transformer make_model(const RunConfig& config, std::int64_t vocab_size);

/// Returns the plan of a run's batches over a training text of num_tokens. @throws Error(Config),
/// Error(Data)
std::unique_ptr<BatchPlan> make_run_plan(const RunConfig& config, std::int64_t num_tokens);
/// The same of what training_splits() names, a mixture too.
std::unique_ptr<BatchPlan> make_run_plan(const RunConfig& config, const TrainingStreams& streams);
/// Returns the streams that a run trains on. @throws Error(Data)
TrainingStreams training_streams(const RunConfig& config, const ShardFolder& data);

/// Returns the number of optimizer steps that the limits allow, time aside; nothing when they do
/// not say. @param steps_per_epoch of the data; nothing where it is not known
std::optional<std::int64_t> planned_steps(const TrainConfig& config,
                                          std::optional<std::int64_t> steps_per_epoch);

}  // namespace longspan
