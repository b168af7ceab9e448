// Copying takes a second for a few GB, and as long again for memory that is new. Between two
// updates nothing changes what is copied, so the copy is made beside the passes in between.

#include "train/checkpoint_writer.h"

#include <chrono>
#include <memory>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "train/start.h"

namespace longspan {
namespace {

NamedTensors on_host(const NamedTensors& tensors) {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors) result.push_back({name, tensor.detach().to(at::kCPU)});
  return result;
}

std::optional<std::int64_t> rollback_step(const RunConfig& config, std::int64_t step) {
  if (!config.train.guard.may(GuardAction::Rollback)) return std::nullopt;
  return ScheduledCheckpoints{config.checkpoint.every_steps, step}.newest();
}

}  // namespace

// The best is the one that is marked, until another is.
Retention retention_before(const RunConfig& config, std::int64_t step) {
  return {.keep_last = config.checkpoint.keep_last - 1,
          .rollback_step = rollback_step(config, step - 1),
          .keep_every_steps = config.checkpoint.keep_every_steps};
}

Retention retention_after(const RunConfig& config, const RunProgress& progress) {
  Retention retention{.keep_last = config.checkpoint.keep_last,
                      .rollback_step = rollback_step(config, progress.step),
                      .keep_every_steps = config.checkpoint.keep_every_steps};
  if (progress.best_value) retention.best_step = progress.best_step;
  return retention;
}

CheckpointWriter::CheckpointWriter(const RunConfig& config, std::filesystem::path run_folder,
                                   std::filesystem::path tokenizer_folder)
    : config_(config),
      run_folder_(std::move(run_folder)),
      tokenizer_folder_(std::move(tokenizer_folder)) {
  if (config.checkpoint.async) thread_.emplace(1);
}

CheckpointWriter::~CheckpointWriter() {
  if (in_flight_.valid()) in_flight_.wait();
}

void CheckpointWriter::save(const Transformer& model, const NamedTensors& optimizer_state,
                            const RunProgress& progress) {
  wait();
  CheckpointContents contents{progress.step, {}, {}, progress.to_json(), config_.resolved};
  if (!config_.checkpoint.async) {
    contents.model = on_host(model.parameters());
    contents.optimizer = on_host(optimizer_state);
    return write(contents, progress);
  }
  model_.begin(model.parameters());
  optimizer_state_.begin(optimizer_state);
  std::promise<void> copied;
  copied_ = copied.get_future();
  const auto task = std::make_shared<std::packaged_task<void()>>(
      [this, contents = std::move(contents), progress, copied = std::move(copied)]() mutable {
        copy_and_write(std::move(contents), progress, std::move(copied));
      });
  in_flight_ = task->get_future();
  thread_->run([task] { (*task)(); });
}

void CheckpointWriter::copy_and_write(CheckpointContents contents, const RunProgress& progress,
                                      std::promise<void> copied) {
  try {
    model_.finish();
    optimizer_state_.finish();
  } catch (...) {
    return copied.set_exception(std::current_exception());
  }
  copied.set_value();
  contents.model = model_.tensors();
  contents.optimizer = optimizer_state_.tensors();
  write(contents, progress);
}

void CheckpointWriter::wait_for_copy() {
  if (copied_.valid()) copied_.get();
}

void CheckpointWriter::write(const CheckpointContents& contents, const RunProgress& progress) try {
  const bool is_best = progress.best_value && progress.best_step == progress.step;
  try {
    save_and_mark(contents, is_best);
  } catch (const Error& error) {
    if (!is_out_of_space(error)) throw;
    prune_checkpoints(run_folder_, retention_before(config_, progress.step));
    save_and_mark(contents, is_best);
  }
  prune_checkpoints(run_folder_, retention_after(config_, progress));
  failure_.reset();
} catch (const Error& error) {
  if (error.kind() != ErrorKind::Checkpoint) throw;
  if (!failure_)
    log::warn("not saved; training goes on, and saves when the next checkpoint is due",
              {{"reason", error.what()}});
  failure_ = error.what();
}

void CheckpointWriter::save_and_mark(const CheckpointContents& contents, bool is_best) const {
  const auto folder = save_checkpoint(run_folder_, contents, tokenizer_folder_);
  if (is_best) mark_best(run_folder_, contents.step);
  log::info("saved", {{"checkpoint", folder.string()}});
}

bool CheckpointWriter::is_busy() const {
  return in_flight_.valid() &&
         in_flight_.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

void CheckpointWriter::wait() {
  wait_for_copy();
  if (in_flight_.valid()) in_flight_.get();
}

}  // namespace longspan
