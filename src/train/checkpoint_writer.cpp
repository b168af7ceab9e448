// The copy is taken before save() returns; everything slow (checksums, disk) happens on another
// thread.

#include "train/checkpoint_writer.h"

#include <chrono>

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "train/start.h"

namespace longspan {
namespace {

NamedTensors copies(const NamedTensors& tensors) {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors)
    result.push_back({name, tensor.detach().to(at::kCPU, /*non_blocking=*/false, /*copy=*/true)});
  return result;
}

}  // namespace

CheckpointWriter::CheckpointWriter(const RunConfig& config, std::filesystem::path run_folder,
                                   std::filesystem::path tokenizer_folder)
    : config_(config),
      run_folder_(std::move(run_folder)),
      tokenizer_folder_(std::move(tokenizer_folder)) {}

CheckpointWriter::~CheckpointWriter() {
  if (in_flight_.valid()) in_flight_.wait();
}

void CheckpointWriter::save(const Transformer& model, const NamedTensors& optimizer_state,
                            const RunProgress& progress) {
  wait();
  CheckpointContents contents{progress.step, copies(model.parameters()), copies(optimizer_state),
                              progress.to_json(), config_.resolved};
  in_flight_ =
      std::async(config_.checkpoint.async ? std::launch::async : std::launch::deferred,
                 [this, contents = std::move(contents), progress] { write(contents, progress); });
  if (!config_.checkpoint.async) wait();
}

void CheckpointWriter::write(const CheckpointContents& contents, const RunProgress& progress) try {
  const bool is_best = progress.best_value && progress.best_step == progress.step;
  Retention retention{config_.checkpoint.keep_last, std::nullopt, std::nullopt};
  if (config_.train.guard.may(GuardAction::Rollback))
    retention.rollback_step =
        ScheduledCheckpoints{config_.checkpoint.every_steps, progress.step}.newest();
  try {
    save_and_mark(contents, is_best);
  } catch (const Error& error) {
    if (!is_out_of_space(error)) throw;
    // The one that would go after this save goes before it, but never the last.
    Retention before = retention;
    --before.keep_last;
    prune_checkpoints(run_folder_, before);
    save_and_mark(contents, is_best);
  }
  if (progress.best_value) retention.best_step = progress.best_step;
  prune_checkpoints(run_folder_, retention);
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
  if (in_flight_.valid()) in_flight_.get();
}

}  // namespace longspan
