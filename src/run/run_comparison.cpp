#include "longspan/run/run_comparison.h"

#include <cstring>
#include <sstream>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Difference = std::optional<std::string>;

bool has_equal_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const at::Tensor left = a.contiguous(), right = b.contiguous();
  return std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
}

Difference difference_of(const NamedTensors& left, const NamedTensors& right,
                         const std::string& what) {
  if (left.size() != right.size())
    return concat(what, ": ", left.size(), " tensors against ", right.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i].name != right[i].name)
      return concat(what, ": ", left[i].name, " against ", right[i].name);
    if (!has_equal_bits(left[i].tensor, right[i].tensor))
      return concat(what, ": ", left[i].name, " differs");
  }
  return std::nullopt;
}

Difference difference_of(const Json& left, const Json& right, const std::string& where) {
  if (left == right) return std::nullopt;
  for (const auto& [key, value] : left.items())
    if (!right.contains(key) || right.at(key) != value)
      return concat(where, ": ", key, " is ", value.dump(), " against ",
                    right.contains(key) ? right.at(key).dump() : "none");
  for (const auto& [key, value] : right.items())
    if (!left.contains(key)) return concat(where, ": ", key, " is none against ", value.dump());
  return concat(where, ": the keys are in another order");
}

bool tells_of_time_or_memory(const std::string& key) {
  return key == "time" || key.starts_with("perf/") || key.starts_with("memory/");
}

std::vector<Json> rows_of(const fs::path& run) {
  const fs::path path = run / "metrics.jsonl";
  std::istringstream lines(read_file(path));
  std::vector<Json> rows;
  for (std::string line; std::getline(lines, line);) {
    const Json all = parse_json(line, path.string());
    Json row = Json::object();
    for (const auto& [key, value] : all.items())
      if (!tells_of_time_or_memory(key)) row[key] = value;
    rows.push_back(std::move(row));
  }
  return rows;
}

Difference difference_of_rows(const std::vector<Json>& left, const std::vector<Json>& right) {
  if (left.size() != right.size())
    return concat("metrics.jsonl: ", left.size(), " rows against ", right.size());
  for (std::size_t i = 0; i < left.size(); ++i)
    if (auto found = difference_of(left[i], right[i], concat("metrics.jsonl, row ", i + 1)))
      return found;
  return std::nullopt;
}

}  // namespace

RunComparison compare_runs(const fs::path& left, const fs::path& right) {
  CheckpointContents a = load_checkpoint(find_checkpoint(left, "latest")),
                     b = load_checkpoint(find_checkpoint(right, "latest"));
  for (CheckpointContents* each : {&a, &b}) each->trainer.erase("elapsed_seconds");
  const std::vector<Json> rows = rows_of(left);
  RunComparison result{a.step, a.model.size() + a.optimizer.size(), rows.size(), {}};
  result.difference = difference_of(a.trainer, b.trainer, "trainer.json");
  if (!result.difference) result.difference = difference_of(a.model, b.model, "model");
  if (!result.difference) result.difference = difference_of(a.optimizer, b.optimizer, "optimizer");
  if (!result.difference) result.difference = difference_of_rows(rows, rows_of(right));
  return result;
}

}  // namespace longspan
