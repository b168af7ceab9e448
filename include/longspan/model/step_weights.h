#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <vector>

namespace longspan {

/// Float32 parameters that are one matrix, or one vector, to a computation in a narrower dtype.
struct Company {
  std::vector<at::Tensor> parts;  ///< one below the other
  std::int64_t further_rows = 0;  ///< zeros below them

  std::int64_t rows() const;
};

/// What the passes of a step share of the float32 weights when they compute in a narrower dtype:
/// each weight in that dtype, and the sum of its gradients over the passes so far. To be made anew
/// for each step, by Transformer::step_weights.
class StepWeights {
 public:
  struct Joint {
    at::Tensor narrow;    ///< the company in the computation's dtype, without a gradient
    at::Tensor gradient;  ///< float32, as narrow; undefined until a pass has added to it
    int uses = 0;         ///< operations of a pass whose backward is still to come
    bool is_handed_over = false;
  };

  /// Of a computation in float32 or float64: has none.
  StepWeights() = default;
  /// Converts all, on a GPU in one launch. @param companies on one device; a tensor may be the
  /// first part of one only
  StepWeights(const std::vector<Company>& companies, at::ScalarType dtype);

  /// Tells that the pass to come is the step's last: its backward hands the sums to the parameters,
  /// where those of the passes before keep them here.
  void expect_last_pass() { last_pass_ = true; }
  bool is_last_pass() const { return last_pass_; }

  /// Returns what is kept of a company.
  Joint& of(const Company& company, at::ScalarType dtype);
  /// Returns whether no sum is left here.
  bool all_handed_over() const;

 private:
  std::map<const void*, Joint> by_first_part_;
  bool last_pass_ = false;
};

}  // namespace longspan
