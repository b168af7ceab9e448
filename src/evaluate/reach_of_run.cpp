// Measures the reach of attention of a run over windows of a split.

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "evaluate/evaluation_text.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/core/progress.h"
#include "longspan/evaluate/attention_reach.h"
#include "longspan/evaluate/protocol.h"

namespace longspan {
namespace {

constexpr std::string_view kFormat = "longspan.attention/1";

// The lengths asked for, or those that both method and text have.
std::vector<std::int64_t> lengths_of(const ReachRequest& request, const TrainedRun& run,
                                     const EvaluationText& text) {
  const auto limit = run.model.position().max_positions();
  const std::int64_t tokens = text.stream.size();
  if (!request.lengths.empty()) {
    const auto lengths = parse_lengths(request.lengths);
    for (const std::int64_t length : lengths) {
      check(!limit || length <= *limit, ErrorKind::Config, "--lengths must not exceed the ",
            limit.value_or(0), " positions that ", run.config.position.kind, " can tell apart in ",
            run.folder.string(), ", got ", length);
      check(length <= tokens, ErrorKind::Data, "the text of split ", text.split,
            " must have a window of each of --lengths, it has ", tokens, " tokens, got ", length);
    }
    return lengths;
  }
  auto lengths = default_lengths(run.config.data.seq_len, limit);
  std::erase_if(lengths, [&](std::int64_t length) { return length > tokens; });
  check(!lengths.empty(), ErrorKind::Data, "the text of split ", text.split,
        " must have a window of the trained length (", run.config.data.seq_len, "), it has ",
        tokens, " tokens; name shorter --lengths");
  return lengths;
}

// Whole windows that do not overlap, as many as are asked for or there are, evenly spread.
at::Tensor windows_of(const EvaluationText& text, std::int64_t length, std::int64_t most) {
  const std::int64_t there = text.stream.size() / length, count = std::min(most, there);
  const at::Tensor input_ids_NT = at::empty({count, length}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t begin = i * there / count * length;
    copy_inputs(text, {begin, begin, begin + length},
                input_ids_NT[i].mutable_data_ptr<std::int64_t>());
  }
  return input_ids_NT;
}

Json to_json(const ReachMeans& means) {
  if (means.queries == 0) return nullptr;
  return {{"queries", means.queries},
          {"mean_distance", means.mean_distance},
          {"mass_beyond_trained", means.mass_beyond_trained},
          {"entropy_nats", means.entropy_nats},
          {"effective_keys", std::exp(means.entropy_nats)}};
}

Json to_json(const std::vector<std::vector<HeadReach>>& layers, const std::string& run) {
  Json heads = Json::array();
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    for (std::size_t head = 0; head < layers[layer].size(); ++head) {
      const HeadReach& reach = layers[layer][head];
      check(std::isfinite(reach.all.entropy_nats), ErrorKind::Numeric, run,
            ": attention must be finite, got ", reach.all.entropy_nats, " nats in layer ", layer,
            ", head ", head, "; weights or activations of the checkpoint are NaN or infinite");
      heads.push_back({{"layer", layer},
                       {"head", head},
                       {"all_queries", to_json(reach.all)},
                       {"far_queries", to_json(reach.far)}});
    }
  return heads;
}

}  // namespace

Json attention_reach_of_run(const SavedRun& saved, const ReachRequest& request,
                            c10::Device device) {
  check(request.num_windows >= 1, ErrorKind::Config, "--windows must be at least 1, got ",
        request.num_windows);
  TrainedRun run = open_run(saved);
  const EvaluationText text = open_evaluation_text(request.split, run);
  const auto lengths = lengths_of(request, run, text);
  run.model.to(device);
  Json cells = Json::array();
  ProgressLine progress;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    const std::int64_t length = lengths[i];
    const at::Tensor input_ids_NT = windows_of(text, length, request.num_windows);
    const std::int64_t parts = input_ids_NT.size(0) * run.model.config().num_layers;
    std::int64_t done = 0;
    ReachOptions options;
    options.train_length = run.config.data.seq_len;
    options.compute_dtype = run.config.compute_dtype();
    options.when_layer_done = [&] {
      ++done;
      progress.update([&] {
        return concat("attention ", run.config.name, " | length ", length, ", ", i + 1, " of ",
                      lengths.size(), " | ", 100 * done / parts, " %");
      });
    };
    cells.push_back(
        {{"length", length},
         {"windows", input_ids_NT.size(0)},
         {"heads", to_json(measure_attention_reach(run.model, input_ids_NT.to(device), options),
                           run.folder.string())}});
  }
  return {{"format", kFormat},
          {"run", run.config.name},
          {"checkpoint_step", run.step},
          {"method", run.config.position.kind},
          {"train_length", run.config.data.seq_len},
          {"text", text.split},
          {"dtype", name_of(run.config.train.precision)},
          {"position_overrides", request.position},
          {"cells", cells}};
}

}  // namespace longspan
