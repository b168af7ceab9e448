// The training loop. All that decides a step's numbers is a function of (config, step): the loop
// only counts, logs and saves.

#include "longspan/train/trainer.h"

#include <algorithm>
#include <chrono>

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/device/device.h"
#include "longspan/device/event_clock.h"
#include "train/description.h"
#include "train/job_end.h"
#include "train/log_interval.h"
#include "train/run_output.h"
#include "train/signals.h"
#include "train/step.h"
#include "train/utilization.h"
#include "train/validation.h"
#include "train/workspace.h"

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;

bool every(std::int64_t period, std::int64_t step) { return period > 0 && step % period == 0; }

bool is_told_to_stop() { return SignalWatch::stop_signal() != 0; }

// Collective. A signal that came to one rank ends all of them.
int signal_of_any_rank(Communicator& communicator) {
  int signal = 0;
  for (const auto& own : communicator.all_gather_texts(std::to_string(SignalWatch::stop_signal())))
    signal = std::max(signal, std::stoi(own));
  return signal;
}

class Trainer {
 public:
  /// @param output of rank 0
  Trainer(Workspace& work, const TrainOptions& options, RunOutput* output);
  TrainResult run();

 private:
  void loop();
  void write_timeline(const Timeline& timeline) const;
  StepResult take_step(BatchLoader& loader, Timeline* timeline);
  void count(const StepResult& result);
  void log_skipped(const std::string& trouble) const;
  void do_what_is_due(const StepNumbers& numbers, bool save_asked);
  void log_sample() const;
  bool is_new_best(const Validation& validation) const;
  void write_row(const StepNumbers& numbers, const std::optional<Validation>& validation);
  void save();
  bool has_save_failed() const;
  StepVote own_vote() const;

  Workspace& work_;
  const TrainOptions& options_;
  RunOutput* output_;                       // of rank 0
  std::optional<Utilization> utilization_;  // where log.mfu asks for it
  std::optional<std::int64_t> saved_step_;
  LogInterval interval_;
  int stop_signal_ = 0;  // that the ranks agreed on
  Clock::time_point started_ = Clock::now();
  double elapsed_before_;
};

Trainer::Trainer(Workspace& work, const TrainOptions& options, RunOutput* output)
    : work_(work),
      options_(options),
      output_(output),
      elapsed_before_(work.progress.elapsed_seconds) {
  if (work.config.log.mfu)
    utilization_.emplace(work.config, work.data.tokenizer().vocab_size(), options.device,
                         work.communicator);
  if (work.progress.step > 0 && options.resume == "auto") saved_step_ = work.progress.step;
}

TrainResult Trainer::run() {
  // Rank 0 alone looks at the clock, and says so: the others hear of it as of a signal.
  const SignalWatch signals(work_.communicator.leads() ? stop_before_job_end(process_environment())
                                                       : std::nullopt);
  loop();
  if (saved_step_ && has_save_failed()) save();  // once more, also where the folder was removed
  if (output_ != nullptr) output_->finish();
  log::end_progress();
  if (stop_signal_ == 0)
    log::info("done", {{"step", work_.progress.step}});
  else
    log::info(saved_step_ ? "stopped by a signal after a save"
                          : "stopped by a signal before the first step; there was nothing to save",
              {{"step", work_.progress.step}});
  return {work_.progress.step, stop_signal_};
}

void Trainer::loop() {
  if (const auto rest = work_.progress.unfinished)
    do_what_is_due(StepNumbers(*rest), /*save_asked=*/false);
  BatchLoader loader(work_.train_stream, work_.plan, work_.config.data.seq_len,
                     work_.data.tokenizer().start_id(), work_.progress.step,
                     {work_.communicator.rank(), work_.communicator.world_size()});
  const std::int64_t timeline_end =
      work_.communicator.leads() ? work_.progress.step + work_.config.log.timeline_steps : 0;
  Timeline timeline(make_device_clock(options_.device));
  while (stop_signal_ == 0 && !work_.is_done()) {
    const bool is_timed = work_.progress.step < timeline_end;
    const StepResult result = take_step(loader, is_timed ? &timeline : nullptr);
    stop_signal_ = result.vote.stop_signal;
    if (!result.abandoned) {
      count(result);
      if (result.rolls_back)
        interval_.pause([&] {
          if (output_ != nullptr) output_->wait_for_save();
          work_.roll_back(options_.run_folder, result.trouble);
        });
      do_what_is_due({result.lr, result.grad_norm, result.layer_norms, result.activation_max},
                     result.vote.save);
    } else if (work_.progress.step > 0) {
      save();
    }
    const bool ends = stop_signal_ != 0 || work_.is_done();
    if (is_timed && (ends || work_.progress.step == timeline_end)) write_timeline(timeline);
  }
}

void Trainer::write_timeline(const Timeline& timeline) const try {
  timeline.write(options_.run_folder / "timeline.json", work_.communicator.rank());
} catch (const Error& error) {
  log::warn("the timeline is not written", {{"reason", error.what()}});
}

StepResult Trainer::take_step(BatchLoader& loader, Timeline* timeline) {
  const BatchLoader::Step& batch =
      interval_.wait_for_data([&]() -> const BatchLoader::Step& { return loader.next(); });
  log::set_step(batch.step + 1);
  SignalWatch::set_current_work("the pass over the micro-batch that is under way");
  const LogConfig& rows = work_.config.log;
  const bool is_logged = every(rows.every_steps, batch.step + 1);
  return run_step(
      {work_.config, work_.model, *work_.optimizer, work_.communicator, work_.reducer.get(),
       work_.loss_scale ? &*work_.loss_scale : nullptr, work_.guard ? &*work_.guard : nullptr},
      {batch, work_.progress.skipped, [this] { return own_vote(); }, is_told_to_stop,
       [this] {
         if (output_ != nullptr) output_->wait_for_copy();
       },
       timeline, every(work_.config.train.check_every_steps, batch.step + 1),
       rows.layer_norms && is_logged, rows.activation_max && is_logged});
}

void Trainer::count(const StepResult& result) {
  RunProgress& progress = work_.progress;
  ++progress.step;
  progress.tokens += result.num_targets;
  progress.elapsed_seconds = result.vote.elapsed_seconds;
  interval_.count(result);
  if (work_.loss_scale) progress.loss_scale = work_.loss_scale->state();
  if (work_.guard) progress.guard = work_.guard->state();
  if (result.skipped) {
    ++progress.skipped;
    if (!result.rolls_back) log_skipped(result.trouble);
  } else {
    progress.interval_loss_sum += result.loss_sum;
    progress.interval_targets += result.num_targets;
  }
}

void Trainer::log_skipped(const std::string& trouble) const {
  if (trouble.empty())
    log::info("update skipped: the gradient overflowed",
              {{"loss_scale", work_.loss_scale->scale()}});
  else if (work_.communicator.leads())
    log::warn("update skipped" + trouble, {{"in_a_row", work_.guard->state().skips_in_a_row},
                                           {"at_most", work_.guard->config().max_skips},
                                           {"skipped", work_.progress.skipped}});
}

// Validation, the row of metrics, the checkpoint, in this order, so that a checkpoint never knows
// of a row that is not in the file. A validation that a signal ends is done after the restart.
void Trainer::do_what_is_due(const StepNumbers& numbers, bool save_asked) {
  const RunConfig& config = work_.config;
  RunProgress& progress = work_.progress;
  progress.unfinished.reset();
  const bool last = work_.is_done();
  const bool logs = every(config.log.every_steps, progress.step),
             validates = last || every(config.validate.every_steps, progress.step),
             saves = last || save_asked || every(config.checkpoint.every_steps, progress.step);
  if (every(config.distributed.check_every_steps, progress.step)) work_.check_ranks_are_equal();
  if (output_ != nullptr && (logs || validates || saves || stop_signal_ != 0))
    output_->keep_folder();
  std::optional<Validation> validation;
  if (validates) {
    SignalWatch::set_current_work("the batch of the validation that is under way");
    validation = interval_.pause([&] {
      return validate(config, work_.model, work_.data, work_.communicator, is_told_to_stop);
    });
    if (!validation) {
      stop_signal_ = signal_of_any_rank(work_.communicator);
      progress.unfinished = numbers;
    }
  }
  const bool best = validation && is_new_best(*validation);
  if (best) {
    progress.best_value = value_of(*validation, *config.checkpoint.keep_best);
    progress.best_step = progress.step;
  }
  if (!progress.unfinished && (validation || logs)) write_row(numbers, validation);
  if (validation && work_.sample) interval_.pause([&] { log_sample(); });
  if (saves || best || stop_signal_ != 0) save();
}

// Collective: rank 0 alone knows which validation's checkpoint is on disk.
bool Trainer::is_new_best(const Validation& validation) const {
  const auto& metric = work_.config.checkpoint.keep_best;
  const auto value = metric ? value_of(validation, *metric) : std::nullopt;
  if (!value) return false;
  if (output_ != nullptr) output_->settle_best();
  const bool as_fairseq =
      work_.config.model.dialect == Dialect::Fairseq && metric->kind == BestMetric::Kind::ValidLoss;
  const bool better = is_better(*value, work_.progress.best_value,
                                as_fairseq ? BestRule::Fairseq : BestRule::Lower);
  return !work_.communicator.broadcast_text(better ? "better" : "").empty();
}

void Trainer::log_sample() const {
  if (!work_.communicator.leads()) return;
  SignalWatch::set_current_work("the token of the sample that is under way");
  log::info("sample", {{"text", work_.sample->generate(work_.config, work_.model,
                                                       work_.data.tokenizer(), is_told_to_stop)}});
}

void Trainer::write_row(const StepNumbers& numbers, const std::optional<Validation>& validation) {
  RunProgress& progress = work_.progress;
  MetricRow row;
  row.step = progress.step;
  row.tokens = progress.tokens;
  row.epoch = static_cast<double>(work_.plan->sequences(progress.step).first_sequence) /
              static_cast<double>(num_blocks(work_.train_stream, work_.config.data.seq_len));
  row.loss = progress.interval_loss_sum / static_cast<double>(progress.interval_targets);
  row.lr = numbers.lr;
  row.grad_norm = numbers.grad_norm;
  row.layer_norms = numbers.layer_norms;
  row.activation_max = numbers.activation_max;
  row.peak_bytes = peak_memory(options_.device);
  if (work_.loss_scale) row.loss_scale = work_.loss_scale->scale();
  if (work_.loss_scale || work_.guard) row.skipped = progress.skipped;
  if (work_.config.train.guard.may(GuardAction::Rollback))
    row.rollbacks = work_.guard->state().rollbacks;
  const auto progress_of_corpora = work_.plan->progress(progress.step);
  for (std::size_t i = 0; i < progress_of_corpora.size(); ++i)
    row.corpora.push_back({work_.config.data.mixture[i].name, progress_of_corpora[i]});
  row.validation = validation;
  interval_.measure(row);
  if (utilization_) row.mfu = utilization_->of(row.tokens_per_second);
  interval_ = {};
  progress.interval_loss_sum = 0.0;
  progress.interval_targets = 0;
  if (output_ != nullptr) output_->write(row);
}

void Trainer::save() {
  const bool is_saved = saved_step_ == work_.progress.step && !work_.progress.unfinished;
  if (stop_signal_ != 0 && is_saved && !has_save_failed()) return;
  SignalWatch::set_current_work("the save");
  interval_.pause([&] {
    const NamedTensors state = work_.optimizer->state();  // of a sharded optimizer, collective
    if (output_ != nullptr) output_->save(state);
  });
  saved_step_ = work_.progress.step;
}

// Collective: rank 0 alone sees whether the checkpoint is on disk, or went with the run's folder.
bool Trainer::has_save_failed() const {
  const bool failed = output_ != nullptr && output_->failure().has_value();
  return !work_.communicator.broadcast_text(failed ? "failed" : "").empty();
}

StepVote Trainer::own_vote() const {
  const std::chrono::duration<double> elapsed = Clock::now() - started_;
  return {SignalWatch::stop_signal(), SignalWatch::take_save_request(),
          elapsed_before_ + elapsed.count()};
}

}  // namespace

TrainResult train(const RunConfig& config, const TrainOptions& options,
                  Communicator& communicator) try {
  std::optional<RunFolder> folder;
  if (communicator.leads()) folder.emplace(options.run_folder);
  Workspace work(config, options, communicator);
  if (work.is_done()) {
    log::info("already trained to its end", {{"step", work.progress.step}});
    return {work.progress.step};
  }
  std::optional<RunOutput> output;
  if (communicator.leads()) {
    output.emplace(work, options, folder);
    log_description(work, options);
  }
  const auto result = Trainer(work, options, output ? &*output : nullptr).run();
  log::set_step(-1);
  return result;
} catch (const Error& error) {
  // Only now is the save under way on disk, or not.
  const bool is_fate = error.kind() == ErrorKind::Numeric ||
                       error.kind() == ErrorKind::Distributed ||
                       error.kind() == ErrorKind::Internal;
  if (!communicator.leads() || !is_fate) throw;
  throw Error(error.kind(), concat(error.what(), where_to_resume(options.run_folder)));
}

}  // namespace longspan
