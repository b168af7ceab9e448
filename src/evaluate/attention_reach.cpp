// How far attention reaches: the probabilities of a chunk of queries at a time, from the queries
// and keys that the model gives attention. Whole matrices of scores are never there.

#include "longspan/evaluate/attention_reach.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/special_entr.h>

#include <algorithm>
#include <limits>

#include "longspan/core/error.h"
#include "longspan/kernels/bias_forms.h"

namespace longspan {
namespace {

// Of one layer: sums over queries, by head.
struct Sums {
  std::vector<HeadReach> heads;

  void add(const at::Tensor& of_queries_3HT, std::int64_t first, std::int64_t train_length) {
    const std::int64_t H = of_queries_3HT.size(1), T = of_queries_3HT.size(2);
    heads.resize(static_cast<std::size_t>(H));
    // The first query that sees more keys than train_length is at position train_length.
    const std::int64_t near = std::clamp<std::int64_t>(train_length - first, 0, T);
    const auto add_to = [&](ReachMeans HeadReach::*part, const at::Tensor& x_3HT) {
      const at::Tensor sum_3H = x_3HT.sum(2).to(at::kCPU).contiguous();
      const double* sum = sum_3H.const_data_ptr<double>();
      for (std::int64_t h = 0; h < H; ++h) {
        ReachMeans& means = heads[static_cast<std::size_t>(h)].*part;
        means.queries += x_3HT.size(2);
        means.mean_distance += sum[h];
        means.mass_beyond_trained += sum[H + h];
        means.entropy_nats += sum[2 * H + h];
      }
    };
    add_to(&HeadReach::all, of_queries_3HT);
    if (near < T) add_to(&HeadReach::far, of_queries_3HT.narrow(2, near, T - near));
  }

  void divide() {
    for (HeadReach& head : heads)
      for (ReachMeans* means : {&head.all, &head.far}) {
        if (means->queries == 0) continue;
        const auto queries = static_cast<double>(means->queries);
        means->mean_distance /= queries;
        means->mass_beyond_trained /= queries;
        means->entropy_nats /= queries;
      }
  }
};

struct Attending {
  at::Tensor q_HTK, k_HSK;  // float64
  const AttentionOptions* options;
};

// Mean distance, mass at distances from train_length on and entropy, [3, H, count].
at::Tensor reach_of_queries(const Attending& layer, QueryRange range, std::int64_t train_length) {
  const std::int64_t S = range.first + range.count;  // later keys are seen by none
  const auto index = layer.q_HTK.options().dtype(at::kLong);
  const at::Tensor distance_TS =
      at::arange(range.first, S, index).unsqueeze(1) - at::arange(S, index);
  at::Tensor scores_HTS = at::matmul(layer.q_HTK.narrow(1, range.first, range.count),
                                     layer.k_HSK.narrow(1, 0, S).transpose(1, 2))
                              .mul_(layer.options->scale);
  if (const at::Tensor bias_HTS = bias_of_queries(layer.options->bias, range); bias_HTS.defined())
    scores_HTS.add_(bias_HTS);
  scores_HTS.masked_fill_(distance_TS.lt(0), -std::numeric_limits<double>::infinity());
  const at::Tensor p_HTS = scores_HTS.softmax(2);
  scores_HTS.reset();
  const at::Tensor reach_3HT = at::empty({3, p_HTS.size(0), range.count}, p_HTS.options());
  reach_3HT[0] = (p_HTS * distance_TS).sum(2);
  reach_3HT[1] = (p_HTS * distance_TS.ge(train_length)).sum(2);
  reach_3HT[2] = at::special_entr(p_HTS).sum(2);
  return reach_3HT;
}

Attending in_float64(const LayerAttention& layer) {
  const auto by_head = [&](const at::Tensor& x_BTGK) {
    return x_BTGK.squeeze(0)
        .to(at::kDouble)
        .repeat_interleave(layer.q_BTHK.size(2) / x_BTGK.size(2), 1)
        .transpose(0, 1)
        .contiguous();
  };
  return {by_head(layer.q_BTHK), by_head(layer.k_BSGK), &layer.options};
}

void add_layer(const LayerAttention& layer, const ReachOptions& options, Sums& sums) {
  const Attending attending = in_float64(layer);
  const std::int64_t H = attending.q_HTK.size(0), T = attending.q_HTK.size(1);
  const std::int64_t row_bytes = H * T * static_cast<std::int64_t>(sizeof(double));
  const std::int64_t chunk = std::clamp<std::int64_t>(options.max_score_bytes / row_bytes, 1, T);
  for (std::int64_t first = 0; first < T; first += chunk) {
    const QueryRange range{first, std::min(chunk, T - first), T};
    sums.add(reach_of_queries(attending, range, options.train_length), first, options.train_length);
  }
}

}  // namespace

std::vector<std::vector<HeadReach>> measure_attention_reach(const Transformer& model,
                                                            const at::Tensor& input_ids_NT,
                                                            const ReachOptions& options) {
  const at::NoGradGuard no_gradient;
  std::vector<Sums> layers(static_cast<std::size_t>(model.config().num_layers));
  ForwardOptions forward;
  forward.compute_dtype = options.compute_dtype;
  forward.when_attending = [&](const LayerAttention& layer) {
    add_layer(layer, options, layers[static_cast<std::size_t>(layer.index)]);
    if (options.when_layer_done) options.when_layer_done();
  };
  for (std::int64_t i = 0; i < input_ids_NT.size(0); ++i)
    model.features(input_ids_NT.narrow(0, i, 1), forward);
  std::vector<std::vector<HeadReach>> result;
  for (Sums& sums : layers) {
    sums.divide();
    result.push_back(std::move(sums.heads));
  }
  return result;
}

}  // namespace longspan
