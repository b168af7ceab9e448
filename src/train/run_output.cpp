// The files of a run.

#include "train/run_output.h"

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "train/description.h"

namespace longspan {
namespace {

// The first step whose row may come; the row of a stopped validation comes after the restart.
std::int64_t next_row(const RunProgress& progress) {
  return progress.step + (progress.unfinished ? 0 : 1);
}

}  // namespace

RunOutput::RunOutput(Workspace& work, const TrainOptions& options, std::optional<RunFolder>& folder)
    : work_(work),
      options_(options),
      folder_(folder),
      checkpoints_(work.config, options.run_folder, work.data.tokenizer_folder()) {
  write_description(work, options);
  metrics_.emplace(options.run_folder, next_row(work.progress), work.config.log.tensorboard);
}

void RunOutput::write(const MetricRow& row) {
  metrics_->write(to_json(row));
  log::progress(progress_line(row, {work_.total_steps, work_.seconds_left()}));
  if (row.validation) log::info("validated " + text_of(*row.validation));
}

void RunOutput::save(const NamedTensors& optimizer_state) {
  finish_save();
  keep_folder();
  checkpoints_.save(work_.model, optimizer_state, work_.progress);
}

// Waits for the save under way, which may have failed because the run's folder was removed.
void RunOutput::finish_save() {
  try {
    checkpoints_.wait();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Checkpoint || !is_lost()) throw;
    log::warn("the checkpoint under way is lost", {{"reason", error.what()}});
  }
}

void RunOutput::keep_folder() {
  if (!is_lost()) return;
  make_folder(options_.run_folder);
  log::warn("the run's folder or files in it were removed, going on in new ones",
            {{"run", options_.run_folder.string()}});
  finish_save();
  folder_.emplace(options_.run_folder);
  write_description(work_, options_);
  metrics_.emplace(options_.run_folder, next_row(work_.progress), work_.config.log.tensorboard);
  if (list_checkpoints(options_.run_folder).empty()) work_.progress.best_value.reset();
}

}  // namespace longspan
