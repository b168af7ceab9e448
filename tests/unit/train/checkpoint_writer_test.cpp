// A checkpoint holds what was there when its save began, though training goes on beside it.

#include <atomic>
#include <string>
#include <thread>

#include "longspan/checkpoint/checkpoint.h"
#include "support/paths.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"
#include "train/checkpoint_writer.h"
#include "train/step.h"
#include "train/workspace.h"

namespace longspan {
namespace {

/// A run that is about to begin its first step.
struct Begun {
  explicit Begun(std::vector<std::string> overrides = {}) {
    overrides.push_back("data.shards=" + (folder.path() / "shards").string());
    config = read_run_config(config::Document::from_file(
        testing::source_folder() / "configs/tests/tiny.yaml", overrides));
    work.emplace(config, TrainOptions{folder.path() / "run", "never", {}}, *communicator);
    loader.emplace(work->train_stream, work->plan, config.data.seq_len,
                   work->data.tokenizer().start_id(), 0);
  }

  StepResult step(const std::function<void()>& before_update) {
    const auto batch = loader->next();
    return run_step(
        {work->config, work->model, *work->optimizer, work->communicator},
        {.batch = batch, .vote = [] { return StepVote{}; }, .before_update = before_update});
  }

  NamedTensors clones() const {
    NamedTensors all;
    for (const NamedTensors& tensors : {work->model.parameters(), work->optimizer->state()})
      for (const auto& [name, tensor] : tensors) all.push_back({name, tensor.detach().clone()});
    return all;
  }

  testing::TemporaryFolder folder;
  RunConfig config;
  std::unique_ptr<Communicator> communicator = make_lone_communicator();
  std::optional<Workspace> work;
  std::optional<BatchLoader> loader;
};

bool all_equal(const NamedTensors& a, const NamedTensors& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].name != b[i].name || !at::equal(a[i].tensor, b[i].tensor)) return false;
  return true;
}

TEST_CASE("a step changes nothing that is saved before it says so") {
  Begun run;
  for (int step = 0; step < 2; ++step) {
    const NamedTensors before = run.clones();
    int calls = 0;
    run.step([&] {
      ++calls;
      CHECK(all_equal(run.clones(), before));
    });
    CHECK(calls == 1);
    CHECK_FALSE(all_equal(run.clones(), before));
  }
}

TEST_CASE("a checkpoint is what was there when its save began, beside training or not") {
  for (const char* async : {"true", "false"}) {
    INFO(async);
    Begun run({std::string("checkpoint.async=") + async, "checkpoint.keep_last=5"});
    CheckpointWriter writer(run.config, run.folder.path() / "run", {});
    std::vector<NamedTensors> expected;
    for (std::int64_t step = 1; step <= 4; ++step) {
      run.step([&] { writer.wait_for_copy(); });
      RunProgress progress;
      progress.step = step;
      expected.push_back(run.clones());
      writer.save(run.work->model, run.work->optimizer->state(), progress);
    }
    writer.wait();
    for (std::int64_t step = 1; step <= 4; ++step) {
      const auto folder =
          find_checkpoint(run.folder.path() / "run", "step-00000000" + std::to_string(step));
      CheckpointContents saved = load_checkpoint(folder);
      saved.model.insert(saved.model.end(), saved.optimizer.begin(), saved.optimizer.end());
      CHECK(all_equal(saved.model, expected[static_cast<std::size_t>(step - 1)]));
    }
  }
}

TEST_CASE("copies take the memory of the former ones of the same sizes") {
  TensorCopies copies;
  NamedTensors tensors{
      {"a", at::ones({3, 4})}, {"b", at::arange(6).view({2, 3}).t()}, {"c", at::empty({0})}};
  copies.begin(tensors);
  copies.finish();
  CHECK(all_equal(copies.tensors(), tensors));
  const void* const memory = copies.tensors()[0].tensor.const_data_ptr();
  tensors[0].tensor.fill_(2.0);
  CHECK_FALSE(all_equal(copies.tensors(), tensors));
  copies.begin(tensors);
  copies.finish();
  CHECK(all_equal(copies.tensors(), tensors));
  CHECK(copies.tensors()[0].tensor.const_data_ptr() == memory);
  tensors[0].tensor = at::ones({5}, at::kDouble);
  tensors.pop_back();
  copies.begin(tensors);
  copies.finish();
  CHECK(all_equal(copies.tensors(), tensors));
}

TEST_CASE("the checkpoint to roll back to stays until the next scheduled one is on disk") {
  RunConfig config;
  config.checkpoint.every_steps = 5;
  config.checkpoint.keep_last = 2;
  RunProgress progress;
  progress.step = 10;
  CHECK_FALSE(retention_after(config, progress).rollback_step);
  CHECK_FALSE(retention_before(config, 10).rollback_step);
  config.train.guard.spike = GuardAction::Rollback;
  CHECK(retention_before(config, 10).rollback_step == 5);
  CHECK(retention_before(config, 10).keep_last == 1);
  CHECK(retention_after(config, progress).rollback_step == 10);
  CHECK(retention_after(config, progress).keep_last == 2);
  CHECK(retention_before(config, 13).rollback_step == 10);
  progress.step = 13;
  CHECK(retention_after(config, progress).rollback_step == 10);
}

}  // namespace
}  // namespace longspan
