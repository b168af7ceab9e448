// Makes the model's tensors. Names carry the place in the model, dots included; there is no
// torch::nn::Module behind them.

#include "model/parameter_list.h"

#include <ATen/ops/zeros.h>

namespace longspan {

at::Tensor ParameterList::add(const std::string& name, std::vector<std::int64_t> shape,
                              const Start& start) {
  at::Tensor tensor = at::zeros(shape, at::kFloat).requires_grad_();
  adopt(name, tensor, start);
  return tensor;
}

void ParameterList::adopt(const std::string& name, const at::Tensor& tensor, const Start& start) {
  tensors_.push_back({name, tensor});
  starts_.push_back(start);
}

}  // namespace longspan
