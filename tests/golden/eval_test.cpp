// Scores of every token under recorded models, in each recorded protocol and length.

#include <cmath>
#include <numeric>

#include "golden/recording.h"
#include "longspan/evaluate/evaluate.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr double kScoreLimit = 5e-5, kPerplexityLimit = 1e-5;

TEST_CASE("golden: eval") {
  for (const auto& recording : testing::recordings_of("eval")) {
    INFO(recording.name);
    const auto tensors = recording.tensors();
    const auto model = testing::recorded_model(recording.manifest.at("model"), tensors, "param.");
    const auto text = testing::recorded_text(tensors.at("stream.ids"));
    for (const auto& run : recording.manifest.at("runs")) {
      const std::int64_t length = run.at("L"), stride = run.at("stride");
      INFO("length " << length << ", stride " << stride);
      const EvaluationMode mode{stride == length ? 0 : stride};
      EvaluationOptions options;
      options.train_length = length;
      const auto windows = make_windows(text.stream.size(), length, mode);
      CHECK(windows.size() == run.at("windows").get<std::size_t>());
      const auto scores = score_targets(model, text, length, mode, options);
      const auto ours = at::tensor(scores, at::kDouble);
      CHECK(testing::difference(ours, tensors.at(run.at("tensor")), kScoreLimit) == "");
      const double ppl = std::exp(-ours.mean().item<double>()),
                   expected = run.at("perplexity_from_scores_f64");
      CHECK(std::abs(ppl - expected) <= kPerplexityLimit * expected);
    }
  }
}

}  // namespace
}  // namespace longspan
