// Which checkpoints pruning keeps: the newest, the best, and never fewer than one that is whole.
#include "unit/checkpoint/checkpoint_cases.h"

namespace longspan::testing {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> steps_of(const fs::path& run) {
  std::vector<std::int64_t> steps;
  for (const fs::path& folder : list_checkpoints(run)) steps.push_back(checkpoint_step(folder));
  return steps;
}

using Steps = std::vector<std::int64_t>;

TEST_CASE("the newest and the best are kept") {
  const SavedRun saved({1, 2, 3, 4, 5});
  prune_checkpoints(saved.run(), {.keep_last = 2, .best_step = 2});
  CHECK(steps_of(saved.run()) == Steps{2, 4, 5});
  prune_checkpoints(saved.run(), {.keep_last = 2, .best_step = 4});
  CHECK(steps_of(saved.run()) == Steps{4, 5});
  prune_checkpoints(saved.run(), {.keep_last = 9});
  CHECK(steps_of(saved.run()) == Steps{4, 5});
}

TEST_CASE("multiples of keep_every_steps are kept for good") {
  const SavedRun saved({1, 2, 3, 4, 5, 6, 7});
  prune_checkpoints(saved.run(), {.keep_last = 1, .best_step = 1, .keep_every_steps = 3});
  CHECK(steps_of(saved.run()) == Steps{1, 3, 6, 7});
  prune_checkpoints(saved.run(), {.keep_last = 1, .best_step = 7, .keep_every_steps = 6});
  CHECK(steps_of(saved.run()) == Steps{6, 7});
}

TEST_CASE("the one to roll back to is kept") {
  const SavedRun saved({1, 2, 3, 4});
  prune_checkpoints(saved.run(), {.keep_last = 1, .rollback_step = 2});
  CHECK(steps_of(saved.run()) == Steps{2, 4});
  prune_checkpoints(saved.run(), {.keep_last = 1});
  CHECK(steps_of(saved.run()) == Steps{4});
}

TEST_CASE("the one that is marked best is kept when no best step is given") {
  const SavedRun saved({1, 2, 3});
  mark_best(saved.run(), 1);
  prune_checkpoints(saved.run(), {.keep_last = 1});
  CHECK(steps_of(saved.run()) == Steps{1, 3});
}

TEST_CASE("the last one is kept whatever keep_last says") {
  const SavedRun saved({1, 2});
  prune_checkpoints(saved.run(), {.keep_last = 0});
  CHECK(steps_of(saved.run()) == Steps{2});
}

TEST_CASE("damaged checkpoints do not count as kept") {
  const SavedRun saved({1, 2, 3, 4});
  fs::remove(saved.checkpoint("step-000000004") / "model.safetensors");
  fs::remove(saved.checkpoint("step-000000002") / "manifest.json");
  prune_checkpoints(saved.run(), {.keep_last = 1});
  CHECK(steps_of(saved.run()) == Steps{3});
  CHECK(fs::exists(saved.checkpoint("step-000000004")));
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000002")));
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000001")));
}

TEST_CASE("nothing is deleted when nothing is whole") {
  const SavedRun saved({1, 2});
  for (const char* name : {"step-000000001", "step-000000002"})
    fs::remove(saved.checkpoint(name) / "manifest.json");
  prune_checkpoints(saved.run(), {.keep_last = 1});
  CHECK(fs::exists(saved.checkpoint("step-000000001")));
  CHECK(fs::exists(saved.checkpoint("step-000000002")));
  prune_checkpoints(saved.folder.path() / "no-run", {});
}

TEST_CASE("left-overs of interrupted saves and removals go, other files stay") {
  const SavedRun saved({1});
  for (const char* name : {"step-000000002.staged", "step-000000003.removed", "step-000000001.old",
                           "step-000000009.old", "notes", "notes.staged"}) {
    fs::create_directories(saved.checkpoint(name));
    write_text(saved.checkpoint(name) / "file", "x");
  }
  prune_checkpoints(saved.run(), {});
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000002.staged")));
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000003.removed")));
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000001.old")));
  CHECK(fs::exists(saved.checkpoint("step-000000009.old")));  // its successor is not there
  CHECK(fs::exists(saved.checkpoint("notes")));
  CHECK(fs::exists(saved.checkpoint("notes.staged")));
  CHECK(steps_of(saved.run()) == Steps{1});
}

TEST_CASE("a save that is under way is left alone") {
  const SavedRun saved({1});
  const StagedFolder under_way(saved.checkpoint("step-000000002"));
  write_text(under_way.path() / "file", "x");
  prune_checkpoints(saved.run(), {});
  CHECK(fs::exists(under_way.path() / "file"));
}

}  // namespace
}  // namespace longspan::testing
