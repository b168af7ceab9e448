// evaluations/<split>.json, read strictly: a report must not draw a cell whose protocol it does not
// know.
#include "report/evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "longspan/core/error.h"
#include "longspan/core/evaluation_format.h"

namespace longspan::report {
namespace {

// Takes keys of one object. The prefix, file and place in it, stands before the key in errors.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string prefix)
      : object_(object), prefix_(std::move(prefix)) {
    check(object.is_object(), ErrorKind::Data, prefix_, "must be an object, got ", object.dump());
  }

  std::string text(const char* key) const {
    const Json& value = at(key);
    check(value.is_string(), ErrorKind::Data, prefix_, key, " must be a text, got ", value.dump());
    return value.get<std::string>();
  }

  std::int64_t integer(const char* key, std::int64_t low) const {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    const Json& value = at(key);
    const bool fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= kMax &&
                      value.get<std::int64_t>() >= low;
    check(fits, ErrorKind::Data, prefix_, key, " must be an integer of at least ", low, ", got ",
          value.dump());
    return value.get<std::int64_t>();
  }

  double number_or_nan(const char* key) const {
    const Json& value = at(key);
    if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
    check(value.is_number(), ErrorKind::Data, prefix_, key, " must be a number or null, got ",
          value.dump());
    return value.get<double>();
  }

  // Nothing where the file is old or has null.
  std::optional<double> amount(const char* key) const {
    if (!object_.contains(key) || object_[key].is_null()) return std::nullopt;
    const double value = number_or_nan(key);
    check(value >= 0.0, ErrorKind::Data, prefix_, key, " must be at least 0, got ", value);
    return value;
  }

  double number(const char* key) const {
    const double value = number_or_nan(key);
    check(std::isfinite(value), ErrorKind::Data, prefix_, key, " must be a number, got null");
    return value;
  }

  // Null where the file is old.
  const Json& value(const char* key) const {
    static const Json kNull;
    return object_.contains(key) ? object_[key] : kNull;
  }

  std::string place(const char* key) const { return prefix_ + key; }

 private:
  const Json& at(const char* key) const {
    const auto found = object_.find(key);
    check(found != object_.end(), ErrorKind::Data, prefix_, key, " must be there, got nothing");
    return *found;
  }

  const Json& object_;
  std::string prefix_;
};

std::string plain_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// A list of "key=value", a map or one text, joined to one line.
std::string joined(const Json& value) {
  if (value.is_null()) return {};
  if (!value.is_structured()) return plain_text(value);
  std::string line;
  for (const auto& [key, element] : value.items()) {
    if (!line.empty()) line += "; ";
    if (value.is_object()) line += key + "=";
    line += plain_text(element);
  }
  return line;
}

// Null, and [null, null], say that a cell of one target has none.
std::optional<Interval> read_interval(const Json& value, const std::string& place) {
  if (value.is_null()) return std::nullopt;
  const auto is_end = [](const Json& end) { return end.is_null() || end.is_number(); };
  check(value.is_array() && value.size() == 2 && is_end(value[0]) && is_end(value[1]),
        ErrorKind::Data, place, " must be null or [low, high], got ", value.dump());
  if (value[0].is_null() || value[1].is_null()) return std::nullopt;
  const Interval interval{value[0].get<double>(), value[1].get<double>()};
  check(interval.low >= 0.0 && interval.low <= interval.high, ErrorKind::Data, place,
        " must be [low, high] with 0 <= low <= high, got ", value.dump());
  return interval;
}

std::optional<Gain> read_gain(const Json& value, const std::string& place) {
  if (value.is_null()) return std::nullopt;
  const ObjectReader reader(value, place + ": ");
  return Gain{reader.number("total_nats"), reader.number("fewer_early_tokens_nats"),
              reader.number("longer_context_nats")};
}

std::vector<ContextLoss> read_contexts(const Json& value, const std::string& place) {
  if (value.is_null()) return {};
  check(value.is_array(), ErrorKind::Data, place, " must be a list, got ", value.dump());
  std::vector<ContextLoss> contexts;
  for (const Json& object : value) {
    const ObjectReader reader(object, concat(place, "[", contexts.size(), "]: "));
    contexts.push_back({reader.integer("first", 1), reader.integer("last", 1),
                        reader.integer("targets", 0), reader.number("loss_nats")});
  }
  return contexts;
}

PairedRow read_paired_row(const Json& object, const std::string& prefix) {
  const ObjectReader reader(object, prefix);
  PairedRow row;
  row.run = reader.text("run");
  row.against = reader.text("against");
  row.model_hash = reader.text("model_hash");
  row.against_model_hash = reader.text("against_model_hash");
  row.mode = reader.text("mode");
  row.targets_hash = reader.text("targets_hash");
  row.dtype = reader.text("dtype");
  row.position_overrides = joined(reader.value("position_overrides"));
  row.checkpoint_step = reader.integer("checkpoint_step", 0);
  row.length = reader.integer("length", 1);
  row.difference = {reader.number_or_nan("difference_nats"), reader.number_or_nan("standard_error"),
                    reader.number_or_nan("p_value")};
  return row;
}

Cell read_cell(const Json& object, const std::string& prefix, const std::string& split) {
  const ObjectReader reader(object, prefix);
  Cell cell;
  cell.run = reader.text("run");
  cell.method = reader.text("method");
  cell.mode = reader.text("mode");
  cell.targets_hash = reader.text("targets_hash");
  cell.dtype = reader.text("dtype");
  cell.text = object.contains("text") ? reader.text("text") : split;
  if (object.contains("model_hash")) cell.model_hash = reader.text("model_hash");
  cell.checkpoint_step = reader.integer("checkpoint_step", 0);
  cell.train_length = reader.integer("train_length", 1);
  cell.length = reader.integer("length", 1);
  cell.stride = reader.integer("stride", 0);
  cell.targets = reader.integer("targets", 0);
  cell.ppl = reader.number_or_nan("ppl");
  cell.ppl_stderr = reader.amount("ppl_stderr");
  cell.ppl_interval = read_interval(reader.value("ppl_interval"), reader.place("ppl_interval"));
  cell.gain = read_gain(reader.value("gain"), reader.place("gain"));
  cell.loss_by_context =
      read_contexts(reader.value("loss_by_context"), reader.place("loss_by_context"));
  cell.tokens_per_second = reader.amount("tokens_per_second");
  cell.peak_bytes = reader.amount("peak_bytes");
  if (object.contains("position_overrides"))
    cell.position_overrides = joined(object["position_overrides"]);
  cell.object = object;
  return cell;
}

std::vector<std::string> csv_columns(const std::vector<Evaluation>& evaluations) {
  std::vector<std::string> columns{"run",
                                   "checkpoint_step",
                                   "method",
                                   "train_length",
                                   "length",
                                   "mode",
                                   "stride",
                                   "targets",
                                   "targets_hash",
                                   "loss_nats",
                                   "ppl",
                                   "ppl_stderr",
                                   "word_ppl",
                                   "bits_per_byte",
                                   "early_token_loss",
                                   "full_context_loss",
                                   "tokens_per_second",
                                   "peak_bytes",
                                   "dtype",
                                   "position_overrides"};
  for (const Evaluation& evaluation : evaluations)
    for (const Cell& cell : evaluation.cells)
      for (const auto& [key, value] : cell.object.items())
        if (std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
  return columns;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

Evaluation read_evaluation(const std::filesystem::path& path) {
  const Json document = read_json(path);
  const ObjectReader reader(document, path.string() + ": ");
  const std::string format = reader.text("format");
  check(format == kEvaluationFormat, ErrorKind::Data, path.string(), ": format must be ",
        kEvaluationFormat, ", got ", format);
  check(document.contains("cells") && document["cells"].is_array(), ErrorKind::Data, path.string(),
        ": cells must be a list");
  Evaluation evaluation{path.stem().string(), {}};
  for (const Json& object : document["cells"])
    evaluation.cells.push_back(
        read_cell(object, concat(path.string(), ": cells[", evaluation.cells.size(), "] "),
                  evaluation.split));
  const Json& comparisons = reader.value("comparisons");
  check(comparisons.is_null() || comparisons.is_array(), ErrorKind::Data, path.string(),
        ": comparisons must be a list");
  for (const Json& object : comparisons)
    evaluation.comparisons.push_back(read_paired_row(
        object, concat(path.string(), ": comparisons[", evaluation.comparisons.size(), "] ")));
  return evaluation;
}

std::string to_csv(const std::vector<Evaluation>& evaluations) {
  const std::vector<std::string> columns = csv_columns(evaluations);
  std::string csv = "split";
  for (const std::string& column : columns) csv += "," + csv_field(column);
  csv += "\n";
  for (const Evaluation& evaluation : evaluations)
    for (const Cell& cell : evaluation.cells) {
      csv += csv_field(evaluation.split);
      for (const std::string& column : columns) {
        const auto value = cell.object.find(column);
        csv += "," + (value == cell.object.end() ? "" : csv_field(joined(*value)));
      }
      csv += "\n";
    }
  return csv;
}

}  // namespace longspan::report
