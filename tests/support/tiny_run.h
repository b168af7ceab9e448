#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "support/paths.h"
#include "support/program.h"
#include "support/temporary_folder.h"

namespace longspan::testing {

/// A folder with a copy of configs/tests/tiny.yaml, whose shards land beside it.
class TinyRun {
 public:
  TinyRun() { std::filesystem::copy_file(source_folder() / "configs/tests/tiny.yaml", config()); }

  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
  std::filesystem::path config() const { return path("tiny.yaml"); }
  std::vector<std::string> train_arguments(const std::string& run,
                                           const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{
        "train", config().string(), "--run", path(run).string(), "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Finished run(const std::vector<std::string>& arguments) const {
    return longspan_program(arguments, folder_.path());
  }
  Finished train(const std::string& name, const std::vector<std::string>& more = {}) const {
    return run(train_arguments(name, more));
  }

 private:
  TemporaryFolder folder_;
};

/// Returns the rows of metrics.jsonl without the keys that depend on the clock or the machine.
std::vector<Json> stable_rows(const std::filesystem::path& run);

/// Returns the bytes of a tensor file of the checkpoint of a step.
std::string checkpoint_file(const std::filesystem::path& run, std::int64_t step,
                            const std::string& name);

}  // namespace longspan::testing
