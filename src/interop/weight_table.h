#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "interop/weight_map.h"

namespace longspan::interop {

/// What the sizes and the presence of a model's tensors depend on.
struct WeightDimensions {
  std::int64_t num_layers = 0, d_model = 0, num_kv_heads = 1, q_dim = 0, kv_dim = 0, ffn_dim = 0,
               vocab_size = 0;
  bool bias = false, attention_bias = false, tie = false, final_norm = true;
};

/// Says which models have a tensor.
enum class When { Always, Bias, AttentionBias, Tied, Untied, FinalNorm };

/// One line of an architecture's table. In names `*` stands for the number of a layer, and `#` for
/// each of q, k, v; `#` in ours alone makes a packed row.
struct WeightPattern {
  std::string_view theirs, ours;
  /// A letter a dimension: D, F, V as in the legend; Q: of all heads; P: rows of a projection,
  /// those of q being Q and those of k and v kv_dim.
  std::string_view sizes;
  When when = When::Always;
  Packing packing = Packing::Single;
  Stored stored = Stored::Always;
};

/// Returns the rows of one model, layer by layer where neighbours in the table have a `*`.
std::vector<WeightRow> rows_of(std::span<const WeightPattern> table,
                               const WeightDimensions& dimensions);

}  // namespace longspan::interop
