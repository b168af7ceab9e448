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
inline std::vector<Json> stable_rows(const std::filesystem::path& run) {
  std::vector<Json> rows;
  const std::string content = read_file(run / "metrics.jsonl");
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = content.find('\n', begin);
    const Json row = Json::parse(content.substr(begin, end - begin));
    Json kept = Json::object();
    for (const auto& [key, value] : row.items())
      if (key != "time" && !key.starts_with("perf/") && !key.starts_with("memory/"))
        kept[key] = value;
    rows.push_back(kept);
    begin = end + 1;
  }
  return rows;
}

/// Returns the bytes of a tensor file of the checkpoint of a step.
inline std::string checkpoint_file(const std::filesystem::path& run, std::int64_t step,
                                   const std::string& name) {
  char folder[32];
  std::snprintf(folder, sizeof folder, "step-%09lld", static_cast<long long>(step));
  return read_file(run / "checkpoints" / folder / name);
}

}  // namespace longspan::testing
