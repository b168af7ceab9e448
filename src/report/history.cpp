// metrics.jsonl. A value that was not finite stands there as null and reads as absent.
#include "report/history.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"

namespace longspan::report {
namespace {

std::optional<double> number(const Json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

// The N of "valid/ppl@N" and "extrapolation/ppl@N".
std::optional<std::int64_t> length_of(std::string_view key) {
  for (const std::string_view prefix : {"valid/ppl@", "extrapolation/ppl@"}) {
    if (!key.starts_with(prefix)) continue;
    key.remove_prefix(prefix.size());
    std::int64_t length = 0;
    const auto [end, failure] = std::from_chars(key.data(), key.data() + key.size(), length);
    if (failure == std::errc() && end == key.data() + key.size()) return length;
  }
  return std::nullopt;
}

// Null for a line that is no JSON.
Json parsed(std::string_view line) {
  try {
    return parse_json(line, "a row");
  } catch (const Error&) {
    return nullptr;
  }
}

bool has_step(const Json& row) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  return row.is_object() && row.contains("step") && row["step"].is_number_unsigned() &&
         row["step"].get<std::uint64_t>() <= kMax;
}

MetricRow read_row(const Json& object) {
  MetricRow row;
  row.step = object["step"].get<std::int64_t>();
  row.tokens =
      static_cast<std::int64_t>(std::clamp(number(object, "tokens").value_or(0.0), 0.0, 9e18));
  row.train_loss = number(object, "train/loss");
  row.valid_loss = number(object, "valid/loss");
  row.valid_ppl = number(object, "valid/ppl");
  row.tokens_per_second = number(object, "perf/tokens_per_second");
  row.step_seconds = number(object, "perf/step_seconds");
  for (const auto& [key, value] : object.items())
    if (const auto length = length_of(key); length && value.is_number())
      row.ppl_at[*length] = value.get<double>();
  return row;
}

}  // namespace

std::vector<MetricRow> read_history(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  std::map<std::int64_t, MetricRow> rows;
  int line_number = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = std::string_view(content).substr(begin, end - begin);
    ++line_number;
    begin = end + 1;
    if (line.empty()) continue;
    const Json object = parsed(line);
    const bool valid = has_step(object);
    if (!valid && begin >= content.size()) break;
    check(valid, ErrorKind::Data, path.string(), ":", line_number,
          ": must be a JSON object with a step, got ", line.substr(0, 60));
    const MetricRow row = read_row(object);
    rows.insert_or_assign(row.step, row);
  }
  std::vector<MetricRow> history;
  history.reserve(rows.size());
  for (auto& [step, row] : rows) history.push_back(std::move(row));
  return history;
}

std::optional<double> training_seconds(const std::vector<MetricRow>& rows) {
  std::optional<double> seconds;
  std::int64_t previous_step = 0;
  for (const MetricRow& row : rows) {
    if (row.step_seconds)
      seconds =
          seconds.value_or(0.0) + *row.step_seconds * static_cast<double>(row.step - previous_step);
    previous_step = row.step;
  }
  return seconds;
}

std::optional<double> median_tokens_per_second(const std::vector<MetricRow>& rows) {
  std::vector<double> values;
  for (const MetricRow& row : rows)
    if (row.tokens_per_second) values.push_back(*row.tokens_per_second);
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::optional<double> best_valid_ppl(const std::vector<MetricRow>& rows) {
  std::optional<double> best;
  for (const MetricRow& row : rows)
    if (row.valid_ppl) best = std::min(best.value_or(*row.valid_ppl), *row.valid_ppl);
  return best;
}

}  // namespace longspan::report
