// The published figures beside the measured ones.
#include "report/reference.h"

#include <cmath>

#include "longspan/core/error.h"
#include "longspan/report/report.h"
#include "report/numbers.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPaper = "paper";
constexpr const char* kPaperFile = "share/longspan/paper/wikitext103.json";

}  // namespace

fs::path find_reference(const std::string& name) {
  std::error_code failure;
  if (name != kPaper) {
    check(fs::exists(name, failure), ErrorKind::Data,
          "--reference must be paper or a file of published perplexities, there is no ", name);
    return name;
  }
  // Beside the folder of the program, in a build folder as where it is installed.
  const fs::path program = fs::read_symlink("/proc/self/exe", failure);
  const fs::path path = program.parent_path().parent_path() / kPaperFile;
  check(fs::is_regular_file(path, failure), ErrorKind::Config, "--reference paper must find ",
        path.string(), ", it is not there; name the file: --reference FILE");
  return path;
}

namespace report {
namespace {

constexpr const char* kFormat = "longspan.paper/1";

Reference::Record read_record(const Json& object) {
  Reference::Record record;
  object.at("table").get_to(record.table);
  object.at("method").get_to(record.method);
  object.at("mode").get_to(record.mode);
  object.at("split").get_to(record.split);
  object.at("train_length").get_to(record.train_length);
  object.at("length").get_to(record.length);
  object.at("ppl").get_to(record.ppl);
  return record;
}

const Reference::Record* find(const Reference& reference, const Cell& cell) {
  if (!cell.position_overrides.empty()) return nullptr;
  for (const Reference::Record& record : reference.records)
    if (record.method == cell.method && record.train_length == cell.train_length &&
        record.length == cell.length && record.mode == cell.mode && record.split == cell.text)
      return &record;
  return nullptr;
}

void mark(Cell& cell, const Reference::Record* record) {
  for (const char* key : {"paper", "paper_ratio", "paper_table"}) cell.object[key] = nullptr;
  if (record == nullptr) return;
  cell.paper = PublishedFigure{record->ppl, record->table};
  cell.object["paper"] = record->ppl;
  cell.object["paper_table"] = record->table;
  if (std::isfinite(cell.ppl)) cell.object["paper_ratio"] = cell.ppl / record->ppl;
}

std::string doubt_of(const Run& run, const std::string& split, std::int64_t measured,
                     std::int64_t published) {
  return concat(run.name, " scored ", report::grouped(measured), " targets of ", split,
                ", the paper ", report::grouped(published),
                ": it is another text or another tokenizer, and the ratios say nothing");
}

}  // namespace

Reference read_reference(const fs::path& path) {
  const Json document = read_json(path);
  std::string place = path.string();
  try {
    const auto format = document.at("format").get<std::string>();
    check(format == kFormat, ErrorKind::Data, place, ": format must be ", kFormat, ", got ",
          format);
    Reference reference;
    document.at("source").get_to(reference.source);
    document.at("targets").get_to(reference.targets);
    for (const Json& object : document.at("records")) {
      place = concat(path.string(), ": records[", reference.records.size(), "]");
      reference.records.push_back(read_record(object));
    }
    return reference;
  } catch (const Json::exception& cause) {
    std::throw_with_nested(
        Error(ErrorKind::Data,
              concat(place, ": a field is missing or of the wrong type: ", cause.what())));
  }
}

ReferenceUse apply_reference(const Reference& reference, std::vector<Run>& runs) {
  ReferenceUse use{reference.source, 0, 0, {}};
  for (Run& run : runs)
    for (Evaluation& evaluation : run.evaluations) {
      const Cell* other = nullptr;  // of another text than the published one
      std::int64_t published = 0;
      for (Cell& cell : evaluation.cells) {
        mark(cell, find(reference, cell));
        ++use.cells;
        if (!cell.paper) continue;
        ++use.cells_matched;
        const auto targets = reference.targets.find(cell.text);
        if (targets == reference.targets.end() || cell.targets == targets->second) continue;
        other = &cell;
        published = targets->second;
      }
      if (other != nullptr)
        use.doubts.push_back(doubt_of(run, other->text, other->targets, published));
    }
  return use;
}

}  // namespace report
}  // namespace longspan
