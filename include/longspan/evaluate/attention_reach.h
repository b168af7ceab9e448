#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/model/transformer.h"
#include "longspan/run/run.h"

namespace longspan {

/// How far queries attend, as means over queries.
struct ReachMeans {
  std::int64_t queries = 0;
  double mean_distance = 0.0;        ///< in tokens, by attention
  double mass_beyond_trained = 0.0;  ///< attention on keys that no query saw in training
  double entropy_nats = 0.0;
};

/// The reach of one head.
struct HeadReach {
  ReachMeans all;  ///< of all queries
  ReachMeans far;  ///< of those that see more keys than there were in training
};

struct ReachOptions {
  std::int64_t train_length = 0;
  at::ScalarType compute_dtype = at::kFloat;
  std::int64_t max_score_bytes = std::int64_t{32} << 20;  ///< of the scores held at once
  std::function<void()> when_layer_done = {};
};

/// Measures attention in windows of one length, each by itself. Probabilities are computed in
/// float64 from the queries and keys as the model has them, for a chunk of queries at a time.
/// @param input_ids_NT int64 [windows, length]  @return by layer and head
std::vector<std::vector<HeadReach>> measure_attention_reach(const Transformer& model,
                                                            const at::Tensor& input_ids_NT,
                                                            const ReachOptions& options);

/// What to measure of a run.
struct ReachRequest {
  std::string lengths;  ///< empty: the trained length and its doublings to 16 times, as far as the
                        ///< text has windows of them
  std::int64_t num_windows = 8;            ///< of each length, spread over the text
  std::string split = "valid";             ///< as of EvaluationRequest
  std::vector<std::string> position = {};  ///< the key=value by which the position section differs
};

/// Measures a run; see FORMAT.md for what it returns. @throws Error
Json attention_reach_of_run(const SavedRun& saved, const ReachRequest& request, c10::Device device);

}  // namespace longspan
