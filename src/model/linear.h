#pragma once

#include <string>

#include "longspan/kernels/residual_norm.h"
#include "longspan/model/config.h"
#include "model/parameter_list.h"

namespace longspan {

/// Start values of a linear layer under an initialisation scheme.
struct LinearStart {
  Start weight, bias;
};

/// fairseq's three rules for linear layers (A.4 of the paper's code) and GPT-2's one.
LinearStart projection_start(const ModelConfig& config, double gain, std::int64_t in,
                             std::int64_t out);
LinearStart torch_default_start(const ModelConfig& config, std::int64_t in, double gpt2_std);
/// The deviation of GPT-2's matrices; those that write into the residual stream have it divided by
/// sqrt(2 num_layers).
double gpt2_std(const ModelConfig& config);
double gpt2_residual_std(const ModelConfig& config);

/// y = x W^T + b.
struct Linear {
  at::Tensor weight_OI, bias_O;  ///< bias_O undefined: none

  Linear() = default;
  Linear(ParameterList& parameters, const std::string& name, std::int64_t in, std::int64_t out,
         bool has_bias, const LinearStart& start);
};

/// LayerNorm or RMSNorm over the last dimension.
struct Norm {
  NormWeights weights;

  Norm() = default;
  Norm(ParameterList& parameters, const std::string& name, const ModelConfig& config);
};

}  // namespace longspan
