// evaluations/<split>.json: read, cells replaced or added, written durably.

#include "longspan/evaluate/results.h"

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "longspan/core/evaluation_format.h"
#include "longspan/core/files.h"

namespace longspan {
namespace {

Json read_results(const std::filesystem::path& file) {
  std::error_code failure;
  if (!std::filesystem::exists(file, failure))
    return {{"format", kEvaluationFormat}, {"cells", Json::array()}};
  Json results = read_json(file);
  const bool fits = results.is_object() && results.value("format", Json()) == kEvaluationFormat &&
                    results.contains("cells") && results["cells"].is_array();
  check(fits, ErrorKind::Data, file.string(), ": must hold evaluations of the format ",
        kEvaluationFormat,
        ", it holds something else; move it away or name another folder with --output");
  return results;
}

// JSON has no NaN and no infinity: the file says null, and so must what is compared with it.
Json with_nulls(Json cell) {
  for (auto& [key, value] : cell.items()) {
    if (value.is_number_float() && !std::isfinite(value.get<double>())) value = nullptr;
  }
  return cell;
}

}  // namespace

bool is_same_cell(const Json& some, const Json& other) {
  const auto same = [&](const char* key, const Json& fallback) {
    return some.is_object() && some.value(key, fallback) == other.value(key, fallback);
  };
  return same("run", {}) && same("checkpoint_step", {}) && same("length", {}) && same("mode", {}) &&
         same("position_overrides", Json::array());
}

Json find_evaluation(const std::filesystem::path& file, const Json& key) {
  const Json results = read_results(file);
  for (const Json& cell : results["cells"])
    if (is_same_cell(cell, key)) return cell;
  return nullptr;
}

void merge_evaluation(const std::filesystem::path& file, const std::vector<Json>& cells) {
  Json results = read_results(file);
  auto& kept = results["cells"].get_ref<Json::array_t&>();
  for (const Json& cell : cells) {
    const auto found = std::find_if(kept.begin(), kept.end(),
                                    [&](const Json& old) { return is_same_cell(old, cell); });
    if (found != kept.end()) {
      *found = with_nulls(cell);
    } else {
      kept.push_back(with_nulls(cell));
    }
  }
  if (file.has_parent_path()) make_folder(file.parent_path());
  write_json(file, results);
}

}  // namespace longspan
