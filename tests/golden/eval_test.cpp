// Scores of every token under recorded models, in each recorded protocol and length.

#include <cmath>
#include <numeric>

#include "golden/recording.h"
#include "longspan/evaluate/evaluate.h"
#include "support/start_only_tokenizer.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr double kScoreLimit = 5e-5, kPerplexityLimit = 1e-5;

EvaluationText text_of(const at::Tensor& ids) {
  std::vector<std::int32_t> values;
  for (std::int64_t i = 0; i < ids.numel(); ++i)
    values.push_back(static_cast<std::int32_t>(ids[i].item<std::int64_t>()));
  return {TokenStream::from_ids(std::move(values)), TextCounts{},
          std::make_shared<testing::StartOnlyTokenizer>(), "valid"};
}

TEST_CASE("golden: eval") {
  for (const auto& recording : testing::recordings_of("eval")) {
    INFO(recording.name);
    const auto tensors = recording.tensors();
    const auto model = testing::recorded_model(recording.manifest.at("model"), tensors, "param.");
    const auto text = text_of(tensors.at("stream.ids"));
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
