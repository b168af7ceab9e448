// evaluations/<split>.json: as a report reads and draws it, and as evaluate finds a cell.
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/evaluate/results.h"
#include "report/figures.h"
#include "report/page.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFile file;
  const auto path = file.hold(fuzz::text_of(data, size));
  fuzz::accept_or_refuse([&] { find_evaluation(path, {{"run", "r"}, {"length", 16}}); });
  return fuzz::accept_or_refuse([&] {
    report::Run run;
    run.evaluations = {report::read_evaluation(path)};
    const std::vector<report::Run> runs{run};
    report::to_csv(run.evaluations);
    const report::Lines lines(runs, report::Modes::PlotEach);
    const auto comparisons = report::compare(runs, lines, report::Modes::PlotEach);
    for (const auto& comparison : comparisons)
      report::to_json(report::extrapolation_figure(comparison, "evaluation"));
    report::protocol_section(comparisons);
    report::cells_section(comparisons);
  });
}
