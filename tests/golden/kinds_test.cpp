// Each recording is of a kind that some test here reads.

#include <set>

#include "golden/recording.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

TEST_CASE("golden: every recording is of a kind that is understood") {
  const std::set<std::string> understood{"batches",
                                         "curves",
                                         "dictionary",
                                         "dictionary_edge",
                                         "e2e",
                                         "eval",
                                         "fairseq_checkpoint",
                                         "hf",
                                         "init_stats",
                                         "lm",
                                         "lr_schedule",
                                         "nag",
                                         "positions",
                                         "rotary_frequencies",
                                         "slopes"};
  for (const auto& recording : testing::all_recordings()) {
    INFO(recording.name << " of the kind " << recording.kind());
    CHECK(understood.contains(recording.kind()));
  }
}

}  // namespace
}  // namespace longspan
