// Finding checkpoints. What lies in the folder is the truth; the pointer files `latest` and `best`
// are hints.

#include <vector>

#include "checkpoint/blame.h"
#include "checkpoint/manifest.h"
#include "checkpoint/step_folder.h"
#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

fs::path newest_checkpoint(const fs::path& run_folder) {
  const std::vector<fs::path> whole = list_checkpoints(run_folder);
  check(!whole.empty(), ErrorKind::Checkpoint, checkpoint::checkpoints_of(run_folder).string(),
        ": must hold a whole checkpoint, it holds none; train first or name another run");
  return whole.back();
}

fs::path best_checkpoint(const fs::path& run_folder) {
  const auto best = checkpoint::pointed_folder(run_folder, checkpoint::kBestName);
  if (best && checkpoint::is_whole(*best)) return *best;
  const fs::path newest = newest_checkpoint(run_folder);
  log::warn("no whole checkpoint is marked best, taking the latest", {{"folder", newest.string()}});
  return newest;
}

}  // namespace

std::vector<fs::path> checkpoint_folders(const fs::path& run_folder) {
  return checkpoint::blaming_checkpoint([&] { return checkpoint::step_folders(run_folder); });
}

std::vector<fs::path> list_checkpoints(const fs::path& run_folder) {
  std::vector<fs::path> whole = checkpoint_folders(run_folder);
  std::erase_if(whole, [](const fs::path& folder) { return !checkpoint::is_whole(folder); });
  return whole;
}

fs::path find_checkpoint(const fs::path& run_folder, const std::string& which) {
  if (which == "latest") return newest_checkpoint(run_folder);
  if (which == "best") return best_checkpoint(run_folder);
  const auto is_folder = [](const fs::path& path) {
    return checkpoint::blaming_checkpoint([&] { return fs::is_directory(path); });
  };
  const fs::path inside = checkpoint::checkpoints_of(run_folder) / which;
  const fs::path folder = is_folder(which) ? fs::path(which) : inside;
  check(is_folder(folder), ErrorKind::Checkpoint, which,
        ": must be latest, best, a checkpoint folder or the name of one in ",
        checkpoint::checkpoints_of(run_folder).string(), ", there is none");
  if (is_folder(checkpoint::checkpoints_of(folder))) return newest_checkpoint(folder);
  checkpoint::read_manifest(folder);
  return folder;
}

std::int64_t checkpoint_step(const fs::path& folder) {
  const auto step = checkpoint::step_in_name(folder);
  check(step.has_value(), ErrorKind::Checkpoint, folder.string(),
        ": must be named like step-000001000");
  return *step;
}

}  // namespace longspan
