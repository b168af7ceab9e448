// Deleting old checkpoints. A folder is renamed before it is removed: a half-deleted one never has
// a checkpoint's name.

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "checkpoint/blame.h"
#include "checkpoint/step_folder.h"
#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/files.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRemoved = ".removed";  // being deleted here
constexpr std::string_view kStaged = ".staged";    // being written, by StagedFolder
constexpr std::string_view kReplaced = ".old";     // being replaced, by StagedFolder

void remove_folder(const fs::path& folder) {
  const fs::path aside = concat(folder.string(), kRemoved);
  fs::remove_all(aside);
  fs::rename(folder, aside);
  sync_folder(folder.parent_path());
  fs::remove_all(aside);
}

// A staged folder that a living process is filling is locked; claiming it then fails.
void remove_staged(const fs::path& final_folder) {
  try {
    const StagedFolder abandoned(final_folder);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Io) throw;
  }
}

// Removes what an interrupted save or removal left. A replaced folder is the only copy until its
// successor has the name.
void remove_left_overs(const fs::path& checkpoints) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(checkpoints)) {
    if (entry.is_directory() && checkpoint::step_in_name(entry.path().stem()))
      folders.push_back(entry.path());
  }
  for (const fs::path& folder : folders) {
    const fs::path final_folder = folder.parent_path() / folder.stem();
    if (folder.extension() == kRemoved) fs::remove_all(folder);
    if (folder.extension() == kStaged) remove_staged(final_folder);
    if (folder.extension() == kReplaced && checkpoint::is_whole(final_folder))
      fs::remove_all(folder);
  }
}

std::optional<std::int64_t> best_step(const fs::path& run_folder, const Retention& retention) {
  if (retention.best_step) return retention.best_step;
  const auto marked = checkpoint::pointed_folder(run_folder, checkpoint::kBestName);
  return marked ? checkpoint::step_in_name(*marked) : std::nullopt;
}

// Removes every step before the keep_last newest whole ones, but for the best, the one to roll back
// to and those of the history. A damaged folder does not count as kept.
void remove_old_steps(const fs::path& run_folder, const Retention& retention) {
  const std::vector<fs::path> whole = list_checkpoints(run_folder);
  if (whole.empty()) return;
  const auto keep = static_cast<std::size_t>(std::max<std::int64_t>(1, retention.keep_last));
  const fs::path& oldest_kept = whole[whole.size() - std::min(keep, whole.size())];
  const auto best = best_step(run_folder, retention);
  for (const fs::path& folder : checkpoint::step_folders(run_folder)) {
    const std::int64_t step = checkpoint_step(folder), every = retention.keep_every_steps;
    const bool is_history = every > 0 && step % every == 0;
    if (step < checkpoint_step(oldest_kept) && step != best && step != retention.rollback_step &&
        !is_history)
      remove_folder(folder);
  }
}

}  // namespace

void prune_checkpoints(const fs::path& run_folder, const Retention& retention) {
  checkpoint::blaming_checkpoint([&] {
    if (!fs::exists(checkpoint::checkpoints_of(run_folder))) return;
    remove_left_overs(checkpoint::checkpoints_of(run_folder));
    remove_old_steps(run_folder, retention);
  });
}

}  // namespace longspan
