// The files of a run.

#include "train/run_output.h"

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "train/description.h"

namespace longspan {
namespace {

// Remembers why something failed, and says so unless it had failed before.
void note(std::optional<std::string>& failure, std::string_view what, const Error& error) {
  if (!failure) log::warn(what, {{"reason", error.what()}});
  failure = error.what();
}

bool is_of_files(const Error& error) {
  return error.kind() == ErrorKind::Io || error.kind() == ErrorKind::Config ||
         error.kind() == ErrorKind::Checkpoint;
}

}  // namespace

RunOutput::RunOutput(Workspace& work, const TrainOptions& options, std::optional<RunFolder>& folder)
    : work_(work),
      options_(options),
      folder_(folder),
      next_step_(work.progress.step + (work.progress.unfinished ? 0 : 1)),
      checkpoints_(work.config, options.run_folder, work.data.tokenizer_folder()),
      best_on_disk_{work.progress.best_value, work.progress.best_step},
      best_under_way_(best_on_disk_) {
  write_description(work, options);
  metrics_.emplace(options.run_folder, next_step_, work.config.log.tensorboard);
}

void RunOutput::write(const MetricRow& row) {
  rows_.push_back(to_json(row));
  next_step_ = row.step + 1;
  if (keep_folder()) write_rows();
  log::progress(progress_line(row, {work_.total_steps, work_.seconds_left()}));
  if (row.validation) log::info("validated " + text_of(*row.validation));
}

void RunOutput::write_rows() {
  try {
    if (!metrics_)
      metrics_.emplace(options_.run_folder,
                       rows_.empty() ? next_step_ : rows_.front().at("step").get<std::int64_t>(),
                       work_.config.log.tensorboard);
    for (const Json& row : rows_) metrics_->write(row);
    rows_.clear();
    if (rows_failure_) log::info("metrics are written again");
    rows_failure_.reset();
  } catch (const Error& error) {
    if (!is_of_files(error)) throw;
    metrics_.reset();
    note(rows_failure_, "metrics are not written; training goes on, and keeps the rows", error);
  }
}

void RunOutput::save(const NamedTensors& optimizer_state) {
  checkpoints_.wait();
  settle_best();
  if (!keep_folder()) return take_back_best();
  best_under_way_ = {work_.progress.best_value, work_.progress.best_step};
  work_.progress.saved_loss = loss_to_save({work_.config, work_.model, work_.data});
  checkpoints_.save(work_.model, optimizer_state, work_.progress);
}

void RunOutput::settle_best() {
  if (checkpoints_.is_busy()) return;
  checkpoints_.wait();
  if (!checkpoints_.failure()) {
    best_on_disk_ = best_under_way_;
  } else if (work_.progress.best_step == best_under_way_.step) {
    take_back_best();
  }
}

void RunOutput::take_back_best() {
  work_.progress.best_value = best_on_disk_.value;
  work_.progress.best_step = best_on_disk_.step;
}

bool RunOutput::is_lost() const {
  return metrics_ ? metrics_->is_lost() : folder_ && folder_->is_lost();
}

bool RunOutput::keep_folder() {
  if (folder_ && !is_lost()) return true;
  try {
    make_folder_again();
    if (folder_failure_) log::info("the run's folder is there again");
    folder_failure_.reset();
    return true;
  } catch (const Error& error) {
    if (!is_of_files(error)) throw;
    folder_.reset();
    note(folder_failure_, "the run's folder cannot be written; training goes on, and tries again",
         error);
    return false;
  }
}

void RunOutput::make_folder_again() {
  const bool was_held = folder_.has_value();
  checkpoints_.wait();
  metrics_.reset();
  folder_.emplace(options_.run_folder);
  if (was_held)
    log::warn("the run's folder or files in it were removed, going on in new ones",
              {{"run", options_.run_folder.string()}});
  write_description(work_, options_);
  if (list_checkpoints(options_.run_folder).empty()) {
    work_.progress.best_value.reset();
    best_on_disk_ = best_under_way_ = {};
  }
  write_rows();
}

std::optional<std::string> RunOutput::failure() {
  checkpoints_.wait();
  if (folder_failure_)
    return concat(options_.run_folder.string(), ": must be there to save the run, ",
                  *folder_failure_);
  if (is_lost()) return options_.run_folder.string() + ": was removed";
  return checkpoints_.failure();
}

void RunOutput::finish() {
  if (keep_folder() && !rows_.empty()) write_rows();
  if (const auto reason = failure()) throw Error(ErrorKind::Checkpoint, *reason);
  check(rows_.empty(), ErrorKind::Io, rows_failure_.value_or(""), "; the checkpoint of step ",
        work_.progress.step, " stands");
}

}  // namespace longspan
