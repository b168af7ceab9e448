#pragma once

#include "longspan/kernels/bias_forms.h"

namespace longspan {

/// Returns the bias for each head and distance [H, num_keys] of the forms that have one, else an
/// undefined tensor.
at::Tensor bias_by_distance(const ScoreBias& bias, std::int64_t num_keys, at::ScalarType dtype);

/// The last num_queries of num_keys positions ask.
struct ScoreSizes {
  std::int64_t num_queries, num_keys;
};

/// Returns the bias for each head, query and key, broadcast over the queries where one row stands
/// for all; entries past the query are of no meaning. Undefined where there is no bias.
at::Tensor dense_bias(const ScoreBias& bias, ScoreSizes sizes, at::ScalarType dtype);

}  // namespace longspan
