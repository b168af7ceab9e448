#pragma once

#include <cstdint>
#include <vector>

#include "interop/fairseq_state.h"
#include "interop/weight_table.h"

namespace longspan::interop {

/// One band of the vocabulary: its symbols and the width of their vectors.
struct FairseqBand {
  std::int64_t rows, width;
};

/// What the tensors of fairseq's language model depend on.
struct FairseqShape {
  WeightDimensions dimensions;
  std::vector<FairseqBand> bands;  ///< of adaptive input and softmax, tied; none: one matrix
};

/// Reads the shape off the tensors. @param tie whether the one matrix is the head's too
/// @throws Error(Data) for a model without layers or with one band
FairseqShape read_fairseq_shape(const StateDict& state, bool tie);

/// Returns the tensors of a model; those under names of older versions too.
std::vector<WeightRow> fairseq_rows(const FairseqShape& shape);

}  // namespace longspan::interop
