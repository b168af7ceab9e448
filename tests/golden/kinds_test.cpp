// Each recording is of a kind that some test here reads.

#include <set>

#include "golden/recording.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

TEST_CASE("golden: every recording is of a kind that is understood") {
  const std::set<std::string> understood{"lm",         "nag",         "eval",           "e2e",
                                         "slopes",     "lr_schedule", "batches",        "positions",
                                         "init_stats", "dictionary",  "dictionary_edge"};
  for (const auto& recording : testing::all_recordings()) {
    INFO(recording.name << " of the kind " << recording.kind());
    CHECK(understood.contains(recording.kind()));
  }
}

}  // namespace
}  // namespace longspan
