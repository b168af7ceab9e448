// What the page shows and the files beside it, drawn but not yet written.
#include "report/contents.h"

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/core/progress.h"
#include "report/figures.h"

namespace longspan::report {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReportFormat = "longspan.report/1";

std::string file_name_part(const std::string& text) {
  std::string part;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_';
    part += plain ? c : '-';
  }
  return part;
}

// The first plot has the short name; the others are told apart by split and mode.
std::vector<std::string> figure_names(const std::vector<Comparison>& comparisons,
                                      const std::string& kind) {
  std::vector<std::string> names;
  for (const Comparison& comparison : comparisons) {
    std::string name = kind;
    if (!names.empty())
      name += "-" + file_name_part(comparison.split) + "-" + file_name_part(comparison.mode);
    while (std::find(names.begin(), names.end(), name) != names.end()) name += "-2";
    names.push_back(name);
  }
  return names;
}

DrawnFigure draw(Figure figure, std::vector<OutputFile>& files, ProgressLine& progress) {
  progress.update([&] { return concat("report | draws ", figure.name); });
  Svg svg = draw_svg(figure);
  files.push_back({"-" + figure.name + ".svg", svg.file});
  files.push_back({"-" + figure.name + ".png", draw_png(figure)});
  return {std::move(figure), std::move(svg)};
}

Json reference_numbers(const PageContents& contents) {
  const ReferenceUse& use = *contents.reference;
  Json numbers{{"source", use.source},
               {"cells", use.cells},
               {"cells_matched", use.cells_matched},
               {"doubts", use.doubts},
               {"figures", Json::array()}};
  for (const Comparison& comparison : contents.comparisons)
    for (const Cell* cell : comparison.cells)
      if (cell->paper)
        numbers["figures"].push_back({{"run", cell->run},
                                      {"split", comparison.split},
                                      {"mode", cell->mode},
                                      {"method", cell->method},
                                      {"train_length", cell->train_length},
                                      {"length", cell->length},
                                      {"ppl", cell->object["ppl"]},
                                      {"paper", cell->paper->ppl},
                                      {"ratio", cell->object["paper_ratio"]},
                                      {"table", cell->paper->table}});
  return numbers;
}

}  // namespace

PageContents draw_contents(std::vector<Run> runs, std::vector<OutputFile>& files) {
  PageContents contents;
  ProgressLine progress;
  contents.runs = std::move(runs);
  const Lines lines(contents.runs, Modes::PlotEach);
  contents.missing = missing_parts(contents.runs);
  contents.comparisons = compare(contents.runs, lines, Modes::PlotEach);
  const std::vector<std::string> names = figure_names(contents.comparisons, "extrapolation");
  for (std::size_t i = 0; i < names.size(); ++i)
    contents.extrapolation.push_back(
        draw(extrapolation_figure(contents.comparisons[i], names[i]), files, progress));
  const std::vector<std::string> context_names = figure_names(contents.comparisons, "context");
  for (std::size_t i = 0; i < context_names.size(); ++i)
    if (auto figure = context_figure(contents.comparisons[i], context_names[i]))
      contents.contexts.push_back({contents.comparisons[i].split, contents.comparisons[i].mode,
                                   draw(std::move(*figure), files, progress)});
  for (Figure& figure : training_figures(contents.runs, lines))
    contents.training.push_back(draw(std::move(figure), files, progress));
  return contents;
}

std::string numbers_of(const PageContents& contents) {
  Json document{{"format", kReportFormat}, {"runs", Json::array()}, {"missing", contents.missing}};
  for (const Run& run : contents.runs)
    document["runs"].push_back({{"name", run.name},
                                {"method", run.method},
                                {"train_length", run.train_length},
                                {"seed", run.seed}});
  document["extrapolation"] = Json::array();
  for (std::size_t i = 0; i < contents.comparisons.size(); ++i) {
    Json figure = to_json(contents.extrapolation[i].figure);
    figure["split"] = contents.comparisons[i].split;
    figure["mode"] = contents.comparisons[i].mode;
    figure["differences"] = Json::array();
    for (const Difference& difference : contents.comparisons[i].differences)
      figure["differences"].push_back(to_text(difference));
    document["extrapolation"].push_back(figure);
  }
  document["gain"] = document["paired"] = document["speed"] = Json::array();
  for (const Comparison& comparison : contents.comparisons) {
    document["gain"].push_back(gain_numbers(comparison));
    document["paired"].push_back(paired_numbers(comparison));
    document["speed"].push_back(speed_numbers(comparison));
  }
  document["context"] = Json::array();
  for (const ContextFigure& context : contents.contexts) {
    Json figure = to_json(context.drawn.figure);
    figure["split"] = context.split;
    figure["mode"] = context.mode;
    document["context"].push_back(figure);
  }
  document["attention"] = reach_numbers(contents.runs);
  if (contents.reference) document["reference"] = reference_numbers(contents);
  document["training"] = Json::array();
  for (const DrawnFigure& drawn : contents.training)
    document["training"].push_back(to_json(drawn.figure));
  return json_line(document);
}

std::string all_cells_csv(const std::vector<Run>& runs) {
  std::vector<Evaluation> evaluations;
  for (const Run& run : runs)
    evaluations.insert(evaluations.end(), run.evaluations.begin(), run.evaluations.end());
  return to_csv(evaluations);
}

}  // namespace longspan::report
