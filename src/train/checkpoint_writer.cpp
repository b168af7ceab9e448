// The copy is taken before save() returns; everything slow (checksums, disk) happens on another
// thread.

#include "train/checkpoint_writer.h"

#include "longspan/core/log.h"

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
  const auto write = [this, contents = std::move(contents), progress] {
    const auto folder = save_checkpoint(run_folder_, contents, tokenizer_folder_);
    Retention retention{config_.checkpoint.keep_last, std::nullopt};
    if (progress.best_value) {
      retention.best_step = progress.best_step;
      if (progress.best_step == progress.step) mark_best(run_folder_, progress.step);
    }
    prune_checkpoints(run_folder_, retention);
    log::info("saved", {{"checkpoint", folder.string()}});
  };
  in_flight_ =
      std::async(config_.checkpoint.async ? std::launch::async : std::launch::deferred, write);
  if (!config_.checkpoint.async) wait();
}

void CheckpointWriter::wait() {
  if (in_flight_.valid()) in_flight_.get();
}

}  // namespace longspan
