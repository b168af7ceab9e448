// Everything before the first step.

#include "train/workspace.h"

#include <string>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "train/changed_config.h"
#include "train/description.h"
#include "train/micro_batch.h"
#include "train/start.h"

namespace longspan {
namespace {

// The start values do not depend on the device: they are drawn on the CPU.
Transformer make_model_on(c10::Device device, const RunConfig& config, std::int64_t vocab_size) {
  Transformer model = make_model(config, vocab_size);
  model.to(device);
  return model;
}

// Says once how ranks exchange what each has its own part of.
std::unique_ptr<ParameterShards> make_shards(const RunConfig& config, const Transformer& model,
                                             Communicator& communicator) {
  if (!config.distributed.shard_optimizer || communicator.is_alone()) return nullptr;
  const NamedTensors parameters = model.parameters();
  const bool scatters = communicator.scatters_sums(parameters.front().tensor.device());
  log::info("optimizer sharded", {{"ranks", communicator.world_size()},
                                  {"gradients", scatters ? "reduce-scatter" : "all-reduce"},
                                  {"parameters", "all-gather"}});
  return std::make_unique<ParameterShards>(parameters, communicator,
                                           config.distributed.bucket_bytes());
}

// What rank 0 finds to fit. Both exchanges are collective, so every rank comes through here.
std::int64_t shared_micro_batch(const Workspace& work) {
  const HostRanks ranks = ranks_on_this_host(work.communicator);
  return std::stoll(work.communicator.broadcast_text(
      work.communicator.leads()
          ? std::to_string(find_micro_batch_tokens(work.config, work.model, ranks))
          : ""));
}

}  // namespace

Workspace::Workspace(const RunConfig& run_config, const TrainOptions& options,
                     Communicator& the_communicator)
    : config(run_config),
      communicator(the_communicator),
      data(options.data ? *options.data : prepare_data(config.data)),
      train_stream(training_streams(config, data)),
      plan(make_run_plan(config, train_stream)),
      total_steps(planned_steps(config.train, plan->steps_per_epoch())),
      model(make_model_on(options.device, config, data.tokenizer().vocab_size())),
      shards(make_shards(config, model, communicator)),
      optimizer(shards ? make_sharded_optimizer(config.optimizer, *shards)
                       : config.optimizer.make(model.parameters())) {
  progress.data_fingerprint = data.fingerprint(config.data.document_bounds);
  progress.data_order_version = version_of(config.data.order);
  if (!communicator.is_alone())
    reducer = std::make_unique<GradientReducer>(
        model.parameters(), communicator,
        GradientReducerOptions{config.distributed.bucket_bytes(),
                               config.distributed.reduce_precision, shards.get()});
  check_allowed_changes(config, options);
  resume(options);
  if (is_done()) return;
  if (config.validate.sample.max_tokens > 0) sample.emplace(config, model, data.tokenizer());
  settle_micro_batch();
  start_loss_scale();
  start_guard();
}

std::optional<double> Workspace::seconds_left() const {
  if (!config.train.max_seconds) return std::nullopt;
  return *config.train.max_seconds - progress.elapsed_seconds;
}

bool Workspace::is_done() const {
  if (progress.unfinished) return false;
  return (total_steps && progress.step >= *total_steps) || seconds_left().value_or(1.0) <= 0.0;
}

void Workspace::check_ranks_are_equal() const {
  std::vector<std::string> names;
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : model.parameters()) {
    names.push_back(concat("after step ", progress.step, ": ", name));
    tensors.push_back(tensor);
  }
  check_equal(communicator, names, tensors);
}

void Workspace::resume(const TrainOptions& options) {
  if (const auto start = find_start(communicator, options.run_folder, options.resume))
    restore(*start, options);
  else
    for (const auto& [name, tensor] : model.parameters()) communicator.broadcast(tensor, 0);
  check_ranks_are_equal();
}

void Workspace::restore(const CheckpointContents& contents, const TrainOptions& options) {
  RunProgress saved = RunProgress::from_json(contents.trainer);
  const TakenUp changes = take_up_config(contents.config_yaml, config, options, saved);
  if (saved.data_fingerprint != progress.data_fingerprint)
    refuse_other_data(saved.data_fingerprint, options);
  model.load_parameters(contents.model);
  optimizer->load_state(contents.optimizer);
  progress = saved;
  log::info("resumed", {{"step", progress.step}});
  if (!communicator.leads()) return;
  if (!changes.text.empty()) log::warn(changes.text);
  if (!progress.saved_loss || !config.checkpoint.check_loss) return;
  if (changes.changes_model)
    log::info("the checkpoint's loss is not checked: the model is another");
  else
    check_saved_loss({config, model, data}, *progress.saved_loss,
                     concat(options.run_folder.string(), ", checkpoint of step ", progress.step));
}

// A run's folder says what its tokens came from, unless an older version began it.
void Workspace::refuse_other_data(const std::string& trained_on,
                                  const TrainOptions& options) const {
  const auto run = options.resume == "auto"
                       ? options.run_folder
                       : std::filesystem::path(options.resume).parent_path().parent_path();
  const auto path = run / kOriginFile;
  std::string difference;
  if (std::filesystem::exists(path))
    difference = origin_difference(read_json(path), data.origin(), path.string());
  throw Error(ErrorKind::Checkpoint,
              concat(run.string(), " was trained on other shards than ", config.data.shards,
                     difference.empty() ? "" : ": ", difference, " (fingerprint ", trained_on,
                     ", got ", progress.data_fingerprint, "); restore them or start another run"));
}

// To a scheduled checkpoint, which is there also where a signal's save is newer, so that a run that
// was interrupted rolls back to the same.
void Workspace::roll_back(const std::filesystem::path& run_folder, const std::string& trouble) {
  const auto contents =
      find_scheduled(communicator, run_folder, {config.checkpoint.every_steps, progress.step});
  check(contents.has_value(), ErrorKind::Numeric, "training diverged at step ", progress.step,
        trouble, "; there is no checkpoint to roll back to, of a step that ",
        "checkpoint.every_steps divides");
  roll_back_to(*contents);
  if (communicator.leads())
    log::warn(
        concat("rolled back to the checkpoint of step ", contents->step, trouble),
        {{"rollbacks", guard->state().rollbacks}, {"at_most", guard->config().max_rollbacks}});
}

void Workspace::roll_back_to(const CheckpointContents& contents) {
  const RunProgress saved = RunProgress::from_json(contents.trainer);
  model.load_parameters(contents.model);
  optimizer->load_state(contents.optimizer);
  progress.skipped = progress.step - (saved.step - saved.skipped);
  if (loss_scale && saved.loss_scale) loss_scale->set_state(*saved.loss_scale);
  if (loss_scale) progress.loss_scale = loss_scale->state();
  guard->roll_back_to(saved.guard.value_or(Guard::State()));
  progress.guard = guard->state();
}

// A run keeps the size that it began with: another one would change the order of sums.
void Workspace::settle_micro_batch() {
  std::int64_t& micro_batch_tokens = config.train.micro_batch_tokens;
  if (micro_batch_tokens == 0) {
    micro_batch_tokens =
        progress.micro_batch_tokens > 0 ? progress.micro_batch_tokens : shared_micro_batch(*this);
    log::info("micro-batch", {{"tokens", micro_batch_tokens}, {"of", config.train.batch_tokens}});
  }
  progress.micro_batch_tokens = micro_batch_tokens;
}

void Workspace::start_loss_scale() {
  const TrainConfig& train = config.train;
  if (train.precision != Precision::Fp16) return;
  loss_scale.emplace(train.loss_scale, ceil_divide(train.batch_tokens, train.micro_batch_tokens));
  if (progress.loss_scale) loss_scale->set_state(*progress.loss_scale);
}

void Workspace::start_guard() {
  if (!config.train.guard.is_needed()) return progress.guard.reset();
  guard.emplace(config.train.guard);
  if (progress.guard) guard->set_state(*progress.guard);
}

}  // namespace longspan
