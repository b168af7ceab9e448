#pragma once

#include "model/layer.h"

namespace longspan {

/// Runs layer.forward but keeps only its input for backward, which runs the layer again (Chen et
/// al., arXiv:1604.06174). Dropout is counted, not drawn from a state, so the second run is the
/// first to the bit and so are the gradients.
/// @param pass copied; its position method and the layer must outlive backward
at::Tensor forward_recomputed(const Layer& layer, const at::Tensor& x_BTD, const Pass& pass);

}  // namespace longspan
