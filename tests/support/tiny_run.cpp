#include "support/tiny_run.h"

#include <cstdio>

#include "longspan/core/files.h"

namespace longspan::testing {

std::vector<Json> stable_rows(const std::filesystem::path& run) {
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

std::string checkpoint_file(const std::filesystem::path& run, std::int64_t step,
                            const std::string& name) {
  char folder[32];
  std::snprintf(folder, sizeof folder, "step-%09lld", static_cast<long long>(step));
  return read_file(run / "checkpoints" / folder / name);
}

}  // namespace longspan::testing
