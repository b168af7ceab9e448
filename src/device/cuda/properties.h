#pragma once

#include <string>

namespace longspan::cuda {

/// Returns the model of GPU `index` of those that this process may use, or "GPU" when the runtime
/// does not say.
std::string model_name(int index);

}  // namespace longspan::cuda
