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

void keep_rows_before(const std::filesystem::path& path, std::int64_t first_step) {
  std::error_code failure;  // told of when the file is opened
  if (!std::filesystem::exists(path, failure)) return;
  const std::string content = read_file(path);
  std::string kept;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = content.find('\n', begin);
    if (end == std::string::npos) break;  // cut short
    const std::string_view line = std::string_view(content).substr(begin, end - begin);
    const Json row = parsed(line);
    const Json place = row.is_object() ? row.value("step", Json()) : Json();
    if (place.is_number_integer() && place.get<std::int64_t>() < first_step)
      kept.append(line).append("\n");
    begin = end + 1;
  }
  if (kept != content) write_file_durably(path, kept);
}

}  // namespace

MetricsWriter::MetricsWriter(const std::filesystem::path& run_folder, std::int64_t first_step,
                             bool tensorboard) {
  const auto path = run_folder / "metrics.jsonl";
  keep_rows_before(path, first_step);
  file_.emplace(path, FileWriter::Mode::Append);
  if (tensorboard) tensorboard_ = std::make_unique<TensorBoardWriter>(run_folder, first_step);
}

bool MetricsWriter::is_lost() const {
  return file_->is_lost() || (tensorboard_ && tensorboard_->is_lost());
}

void MetricsWriter::write(const Json& row) {
  file_->write(row.dump() + "\n");
  file_->flush();
  if (!tensorboard_) return;
  const auto step = row.at("step").get<std::int64_t>();
  for (const auto& [key, value] : row.items())
    if (value.is_number() && key != "step" && key != "time")
      tensorboard_->scalar(key, value.get<double>(), step);
  tensorboard_->flush();
}

}  // namespace longspan
