// trainer.json, the counters in a checkpoint.
#include "fuzz/target.h"
#include "longspan/core/json.h"
#include "train/progress.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  return fuzz::accept_or_refuse([&] {
    const auto progress = RunProgress::from_json(parse_json(fuzz::text_of(data, size), "input"));
    json_line(progress.to_json());
  });
}
