#pragma once

#include "model/layer.h"

namespace longspan {

/// Runs layer.forward but keeps only the stream for backward, which runs the layer, and the norm of
/// its input, again (Chen et al., arXiv:1604.06174). Dropout is counted, not drawn from a state, so
/// the second run is the first to the bit and so are the gradients.
/// @param pass copied; its position method and the layers must outlive backward
Stream forward_recomputed(const Layer& layer, const Stream& in, const Pass& pass,
                          const Layer* next);

}  // namespace longspan
