// metrics.jsonl as a report reads it.
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "report/figures.h"
#include "report/history.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFile file;
  const auto path = file.hold(fuzz::text_of(data, size));
  return fuzz::accept_or_refuse([&] {
    report::Run run;
    run.history = report::read_history(path);
    report::training_seconds(run.history);
    report::median_tokens_per_second(run.history);
    report::best_valid_ppl(run.history);
    const std::vector<report::Run> runs{run};
    report::training_figures(runs, report::Lines(runs, report::Modes::PlotEach));
  });
}
