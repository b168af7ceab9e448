#pragma once

#include <torch/custom_class.h>

#include <vector>

#include "longspan/model/transformer.h"

namespace longspan {

/// What a narrow operation computes with, and what its backward adds gradients to: what the passes
/// of a step share, or forms and sums of its own.
class WeightUse : public torch::CustomClassHolder {
 public:
  /// @param companies at least one
  WeightUse(std::vector<Company> companies, const ForwardOptions& options);

  std::size_t size() const { return joints_.size(); }
  const at::Tensor& narrow(std::size_t company) const { return joints_[company]->narrow; }
  at::Tensor& gradient(std::size_t company) { return joints_[company]->gradient; }
  /// Tells that backward has added what it adds. Returns the gradients of a company's parts when
  /// all of the step's operations have; else, and where no pass added any, undefined tensors.
  std::vector<at::Tensor> hand_over(std::size_t company);

 private:
  std::vector<Company> companies_;
  StepWeights own_;
  StepWeights* all_;
  std::vector<StepWeights::Joint*> joints_;
};

}  // namespace longspan
