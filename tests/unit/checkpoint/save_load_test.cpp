// A checkpoint that was saved comes back, is found by its names, and is laid out as FORMAT.md says.
#include <sys/resource.h>

#include <csignal>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/hash.h"
#include "longspan/core/json.h"
#include "unit/checkpoint/checkpoint_cases.h"

namespace longspan::testing {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a saved checkpoint comes back with the same bits") {
  const SavedRun saved({1000});
  const CheckpointContents expected = contents_of(1000);
  const CheckpointContents found = load_checkpoint(saved.checkpoint("step-000001000"));
  CHECK(found.step == 1000);
  CHECK(equal(found.model, expected.model));
  CHECK(equal(found.optimizer, expected.optimizer));
  CHECK(found.trainer == expected.trainer);
  CHECK(found.config_yaml == expected.config_yaml);
  const CheckpointContents model = load_checkpoint_model(saved.checkpoint("step-000001000"));
  CHECK(equal(model.model, expected.model));
  CHECK(model.optimizer.empty());
  CHECK(model.config_yaml == expected.config_yaml);
}

TEST_CASE("a checkpoint's folder has the files that the manifest lists, and the tokenizer") {
  const SavedRun saved({12});
  const fs::path folder = saved.checkpoint("step-000000012");
  const Json manifest = read_json(folder / "manifest.json");
  CHECK(manifest["format"] == "longspan.checkpoint/1");
  CHECK(manifest["step"] == 12);
  std::vector<std::string> names;
  for (const Json& file : manifest["files"]) {
    const std::string name = file["name"];
    names.push_back(name);
    CHECK(file["bytes"] == fs::file_size(folder / name));
    CHECK(file["xxh3_128"] == hash_of_file(folder / name));
  }
  CHECK(names == std::vector<std::string>{"model.safetensors", "optimizer.safetensors",
                                          "trainer.json", "config.yaml", "tokenizer/deep/model.bin",
                                          "tokenizer/vocabulary.txt"});
  CHECK(read_file(folder / "tokenizer" / "vocabulary.txt") == "the\nof\n");
  CHECK(read_file(saved.checkpoint("latest")) == "step-000000012\n");
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000012.staged")));
}

TEST_CASE("a checkpoint needs no tokenizer and has a name for any step") {
  const TemporaryFolder folder;
  CHECK(save_checkpoint(folder.path(), contents_of(0), {}).filename() == "step-000000000");
  const fs::path late = save_checkpoint(folder.path(), contents_of(12345678901), {});
  CHECK(late.filename() == "step-12345678901");
  CHECK(checkpoint_step(late) == 12345678901);
  CHECK(load_checkpoint(late).step == 12345678901);
  CHECK(list_checkpoints(folder.path()).size() == 2);
  check_refused([] { checkpoint_step("runs/a/checkpoints/step-7"); },
                {"step-7", "must be named like step-000001000"});
  check_refused([] { checkpoint_step("runs/a/checkpoints/latest"); }, {"must be named like"});
}

TEST_CASE("saving a step again replaces it") {
  const SavedRun saved({3});
  CheckpointContents changed = contents_of(3);
  changed.config_yaml = "name: other\n";
  save_checkpoint(saved.run(), changed, {});
  CHECK(load_checkpoint(saved.checkpoint("step-000000003")).config_yaml == "name: other\n");
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000003") / "tokenizer"));
}

TEST_CASE("checkpoints are found by latest, best, path and name") {
  const SavedRun saved({5, 20, 100});
  CHECK(find_checkpoint(saved.run(), "latest") == saved.checkpoint("step-000000100"));
  CHECK(find_checkpoint(saved.run(), "best") == saved.checkpoint("step-000000100"));
  mark_best(saved.run(), 20);
  CHECK(find_checkpoint(saved.run(), "best") == saved.checkpoint("step-000000020"));
  CHECK(find_checkpoint(saved.run(), saved.checkpoint("step-000000005").string()) ==
        saved.checkpoint("step-000000005"));
  CHECK(find_checkpoint(saved.run(), "step-000000005") == saved.checkpoint("step-000000005"));
  CHECK(find_checkpoint("elsewhere", saved.run().string()) == saved.checkpoint("step-000000100"));
  check_refused([&] { find_checkpoint(saved.run(), "step-000000006"); },
                {"step-000000006: must be latest, best, a checkpoint"});
  check_refused([&] { find_checkpoint(saved.folder.path() / "none", "latest"); },
                {"none/checkpoints: must hold a whole checkpoint, it holds none"});
  check_refused([&] { mark_best(saved.run(), 21); },
                {"step-000000021: must be a checkpoint folder"});
}

TEST_CASE("a run without checkpoints has no newest") {
  const TemporaryFolder folder;
  CHECK_FALSE(load_newest_checkpoint(folder.path()).has_value());
  fs::create_directories(folder.path() / "checkpoints" / "step-000000009.staged");
  CHECK_FALSE(load_newest_checkpoint(folder.path()).has_value());
  CHECK(list_checkpoints(folder.path()).empty());
}

TEST_CASE("verify_checkpoint describes what it read") {
  const SavedRun saved({4});
  const std::string text = verify_checkpoint(saved.checkpoint("step-000000004"));
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("step=4 files=6 checksums=good"));
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("model.safetensors bytes="));
  CHECK_THAT(text, Catch::Matchers::ContainsSubstring("tensors=2 numbers=11"));
}

TEST_CASE("a save below a regular file, or of a tokenizer that is not there, is refused") {
  const SavedRun saved({1});
  write_text(saved.folder.path() / "file", "x");
  check_refused([&] { save_checkpoint(saved.folder.path() / "file" / "run", contents_of(2), {}); },
                {"checkpoint of step 2 must be saved whole: ", "/file/run/checkpoints",
                 "earlier checkpoints stand"});
  check_refused(
      [&] { save_checkpoint(saved.run(), contents_of(2), saved.folder.path() / "no-tokenizer"); },
      {"checkpoint of step 2", "no-tokenizer"});
  CHECK(list_checkpoints(saved.run()).size() == 1);
}

TEST_CASE("that a disk is full can be told from other failures, however deep it lies") {
  try {
    FileWriter writer("/dev/full");
    writer.write("x");
    writer.flush();
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(is_out_of_space(error));
    try {
      std::throw_with_nested(Error(ErrorKind::Checkpoint, "must be saved whole"));
    } catch (const Error& outer) {
      CHECK(is_out_of_space(outer));
    }
  }
  try {
    FileWriter("/dev/null/file");
    FAIL("no error");
  } catch (const Error& error) {
    CHECK_FALSE(is_out_of_space(error));
  }
  CHECK_FALSE(is_out_of_space(Error(ErrorKind::Checkpoint, "No space left on device")));
}

// Lets files grow to so many bytes only, as a full disk would.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_CASE("a save that the disk ends midway leaves the checkpoints before it and nothing else") {
  const SavedRun saved({7});
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  CheckpointContents big = contents_of(8);
  big.optimizer[0].tensor = at::full({3000}, 1.0f);
  {
    const FileSizeLimit limit(4096);
    check_refused(
        [&] { save_checkpoint(saved.run(), big, {}); },
        {"checkpoint of step 8 must be saved whole: ", "optimizer.safetensors", "File too large"});
  }
  std::signal(SIGXFSZ, ignored);
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000008")));
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000008.staged")));
  CHECK(read_file(saved.checkpoint("latest")) == "step-000000007\n");
  CHECK(load_newest_checkpoint(saved.run())->step == 7);
}

}  // namespace
}  // namespace longspan::testing
