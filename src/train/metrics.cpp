// metrics.jsonl: one object a logged step, appended with one write each.

#include "train/metrics.h"

#include <string>
#include <string_view>

#include "longspan/core/error.h"

namespace longspan {
namespace {

// Null for a line that is no JSON.
Json parsed(std::string_view line) {
  try {
    return parse_json(line, "a row");
  } catch (const Error&) {
    return nullptr;
  }
}

void keep_rows_up_to(const std::filesystem::path& path, std::int64_t step) {
  if (!std::filesystem::exists(path)) return;
  const std::string content = read_file(path);
  std::string kept;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = content.find('\n', begin);
    if (end == std::string::npos) break;  // cut short
    const std::string_view line = std::string_view(content).substr(begin, end - begin);
    const Json row = parsed(line);
    const Json place = row.is_object() ? row.value("step", Json()) : Json();
    if (place.is_number_integer() && place.get<std::int64_t>() <= step)
      kept.append(line).append("\n");
    begin = end + 1;
  }
  if (kept != content) write_file_durably(path, kept);
}

}  // namespace

MetricsWriter::MetricsWriter(const std::filesystem::path& run_folder, std::int64_t step,
                             bool tensorboard) {
  const auto path = run_folder / "metrics.jsonl";
  keep_rows_up_to(path, step);
  file_.emplace(path, FileWriter::Mode::Append);
  if (tensorboard) tensorboard_ = std::make_unique<TensorBoardWriter>(run_folder);
}

bool MetricsWriter::is_lost() const {
  return file_->is_lost() || (tensorboard_ && tensorboard_->is_lost());
}

void MetricsWriter::write(const MetricRow& row) {
  const Json json = to_json(row);
  file_->write(json.dump() + "\n");
  file_->flush();
  if (!tensorboard_) return;
  for (const auto& [key, value] : json.items())
    if (value.is_number() && key != "step" && key != "time")
      tensorboard_->scalar(key, value.get<double>(), row.step);
  tensorboard_->flush();
}

}  // namespace longspan
