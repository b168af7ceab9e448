#include "model/weight_use.h"

#include <ATen/core/grad_mode.h>

namespace longspan {

WeightUse::WeightUse(std::vector<Company> companies, const ForwardOptions& options)
    : companies_(std::move(companies)), all_(options.step_weights) {
  const auto dtype = options.compute_dtype;
  if (all_ == nullptr) {
    own_ = StepWeights(companies_, dtype);
    own_.expect_last_pass();
    all_ = &own_;
  }
  // Without a graph, as in the first run of a layer that backward runs again, no backward comes.
  const bool has_backward = at::GradMode::is_enabled();
  for (const Company& company : companies_) {
    StepWeights::Joint& joint = *joints_.emplace_back(&all_->of(company, dtype));
    if (has_backward) ++joint.uses;
  }
}

std::vector<at::Tensor> WeightUse::hand_over(std::size_t company) {
  StepWeights::Joint& joint = *joints_[company];
  const auto& parts = companies_[company].parts;
  std::vector<at::Tensor> gradients(parts.size());
  if (--joint.uses > 0 || !all_->is_last_pass() || !joint.gradient.defined()) return gradients;
  joint.is_handed_over = true;
  std::int64_t row = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    gradients[i] = joint.gradient.narrow(0, row, parts[i].size(0));
    row += parts[i].size(0);
  }
  return gradients;
}

}  // namespace longspan
