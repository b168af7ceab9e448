// Checkpoints that were truncated, flipped, emptied or left half-written: each damage is named, and
// the run goes on from the newest checkpoint that is whole.
#include "unit/checkpoint/checkpoint_cases.h"

namespace longspan::testing {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kFiles = {
    "model.safetensors", "optimizer.safetensors",    "trainer.json",
    "config.yaml",       "tokenizer/deep/model.bin", "tokenizer/vocabulary.txt"};

void flip_byte(const fs::path& path, std::size_t index) {
  std::string bytes = read_file(path);
  bytes.at(index) = static_cast<char>(bytes[index] ^ 1);
  write_text(path, bytes);
}

TEST_CASE("a truncated file is named and the checkpoint is not whole") {
  for (const std::string& name : kFiles) {
    const SavedRun saved({1, 2});
    const fs::path folder = saved.checkpoint("step-000000002"), path = folder / name;
    fs::resize_file(path, fs::file_size(path) - 1);
    check_refused([&] { load_checkpoint(folder); },
                  {path.string(), "must have ", " bytes as manifest.json says, it has "});
    CHECK(list_checkpoints(saved.run()) ==
          std::vector<fs::path>{saved.checkpoint("step-000000001")});
    CHECK(find_checkpoint(saved.run(), "latest") == saved.checkpoint("step-000000001"));
    CHECK(load_newest_checkpoint(saved.run())->step == 1);
  }
}

TEST_CASE("a missing file is named") {
  for (const std::string& name : kFiles) {
    const SavedRun saved({1, 2});
    const fs::path folder = saved.checkpoint("step-000000002");
    fs::remove(folder / name);
    check_refused([&] { load_checkpoint(folder); },
                  {(folder / name).string(), "must be there, it is missing"});
    CHECK(load_newest_checkpoint(saved.run())->step == 1);
  }
}

TEST_CASE("a flipped bit anywhere in any file is found") {
  for (const std::string& name : kFiles) {
    const SavedRun saved({1, 2});
    const fs::path folder = saved.checkpoint("step-000000002"), path = folder / name;
    const std::size_t size = fs::file_size(path);
    for (std::size_t index = 0; index < size; index += 1 + size / 5) {
      flip_byte(path, index);
      check_refused([&] { load_checkpoint(folder); },
                    {path.string(), "must have the checksum ", "of manifest.json, got "});
      CHECK(load_newest_checkpoint(saved.run())->step == 1);
      flip_byte(path, index);
    }
    CHECK(load_checkpoint(folder).step == 2);
  }
}

TEST_CASE("only the files that are used are checked when the model alone is loaded") {
  const SavedRun saved({2});
  const fs::path folder = saved.checkpoint("step-000000002");
  flip_byte(folder / "optimizer.safetensors", 9);
  CHECK(load_checkpoint_model(folder).step == 2);
  flip_byte(folder / "model.safetensors", 9);
  check_refused([&] { load_checkpoint_model(folder); },
                {"model.safetensors: must have the checksum"});
}

TEST_CASE("a flipped bit anywhere in the manifest is found") {
  const SavedRun saved({2});
  const fs::path folder = saved.checkpoint("step-000000002"), path = folder / "manifest.json";
  const std::size_t size = fs::file_size(path);
  for (std::size_t index = 0; index < size; ++index) {
    flip_byte(path, index);
    INFO("byte " << index << " of " << read_file(path));
    check_refused([&] { load_checkpoint(folder); }, {folder.string()});
    flip_byte(path, index);
  }
}

TEST_CASE("a manifest that is missing, empty or lies is refused") {
  const SavedRun saved({2});
  const fs::path folder = saved.checkpoint("step-000000002"), path = folder / "manifest.json";
  const std::string good = read_file(path);
  const auto check_text_refused = [&](std::string text, const std::string& piece) {
    write_text(path, text);
    check_refused([&] { load_checkpoint(folder); }, {path.string(), piece});
    CHECK(list_checkpoints(saved.run()).empty());
  };
  const auto replaced = [&](const std::string& old, const std::string& fresh) {
    std::string text = good;
    return text.replace(text.find(old), old.size(), fresh);
  };
  check_text_refused("", "must be JSON");
  check_text_refused("[1]", "format must be there");
  check_text_refused(good.substr(0, good.size() - 1), "must end with a line break");
  check_text_refused(replaced("checkpoint/1", "checkpoint/9"),
                     "format must be longspan.checkpoint/1, got longspan.checkpoint/9");
  check_text_refused(replaced("\"step\": 2", "\"step\": 3"),
                     "step must be that of the folder's name, got 3");
  check_text_refused(replaced("\"step\": 2", "\"step\": -2"), "step must be a number, got -2");
  check_text_refused(replaced("model.safetensors", "../../evil"),
                     "name must be a path inside the folder, got ../../evil");
  check_text_refused(replaced("model.safetensors", "/etc/passwd"),
                     "name must be a path inside the folder");
  check_text_refused(replaced("\"step\": 2", "\"step\": 18446744073709551615"),
                     "step must be at most 1125899906842624, got 18446744073709551615");
  check_text_refused(replaced("trainer.json", "config.yaml"),
                     "names of files must differ, got twice config.yaml");
  check_text_refused(replaced("trainer.json", "tokenizer/vocabulary.tx"),
                     "must list trainer.json, it does not");
  fs::remove(path);
  check_refused([&] { load_checkpoint(folder); },
                {folder.string(), "must have a manifest.json, it has none"});
}

TEST_CASE("a file of a checkpoint that is a link to elsewhere is refused") {
  const SavedRun saved({2});
  const fs::path folder = saved.checkpoint("step-000000002"), model = folder / "model.safetensors";
  fs::rename(model, saved.folder.path() / "elsewhere");
  fs::create_symlink(saved.folder.path() / "elsewhere", model);
  check_refused([&] { load_checkpoint(folder); },
                {"name must be a path inside the folder, got model.safetensors"});
  fs::rename(saved.folder.path() / "elsewhere", folder / "real");
  fs::remove(model);
  fs::create_symlink("real", model);
  CHECK(load_checkpoint(folder).step == 2);
}

TEST_CASE("a manifest under another folder name is taken for what it says") {
  const SavedRun saved({2});
  fs::rename(saved.checkpoint("step-000000002"), saved.folder.path() / "kept");
  CHECK(load_checkpoint(saved.folder.path() / "kept").step == 2);
}

TEST_CASE("pointers that are missing, empty or lead nowhere are hints only") {
  const SavedRun saved({1, 2});
  for (const std::string text : {"step-000000077\n", "", "../../elsewhere\n", "garbage"}) {
    write_text(saved.checkpoint("latest"), text);
    write_text(saved.checkpoint("best"), text);
    CHECK(find_checkpoint(saved.run(), "latest") == saved.checkpoint("step-000000002"));
    CHECK(find_checkpoint(saved.run(), "best") == saved.checkpoint("step-000000002"));
    CHECK(load_newest_checkpoint(saved.run())->step == 2);
  }
  fs::remove(saved.checkpoint("latest"));
  CHECK(find_checkpoint(saved.run(), "latest") == saved.checkpoint("step-000000002"));
}

TEST_CASE("what a killed save left does not count and is taken over by the next one") {
  const SavedRun saved({1});
  const fs::path staged = saved.checkpoint("step-000000002.staged");
  fs::copy(saved.checkpoint("step-000000001"), staged, fs::copy_options::recursive);
  CHECK(list_checkpoints(saved.run()).size() == 1);
  CHECK(load_newest_checkpoint(saved.run())->step == 1);
  write_text(staged / "left-over", "x");
  save_checkpoint(saved.run(), contents_of(2), {});
  CHECK(load_newest_checkpoint(saved.run())->step == 2);
  CHECK_FALSE(fs::exists(saved.checkpoint("step-000000002") / "left-over"));
  CHECK_FALSE(fs::exists(staged));
}

TEST_CASE("a run whose checkpoints are all damaged is an error and not a fresh start") {
  const SavedRun saved({1, 2});
  flip_byte(saved.checkpoint("step-000000001") / "model.safetensors", 70);
  fs::remove(saved.checkpoint("step-000000002") / "manifest.json");
  check_refused([&] { load_newest_checkpoint(saved.run()); },
                {"checkpoints: one checkpoint at least must be whole, none of 2 is",
                 "step-000000002", "manifest.json"});
}

}  // namespace
}  // namespace longspan::testing
