#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "longspan/core/named_tensors.h"

namespace longspan {

/// How the values of a tensor start.
struct Start {
  enum class Kind { Constant, Normal, Uniform };
  static constexpr std::int64_t kNoRow = -1;
  Kind kind = Kind::Constant;
  double value = 0.0;              ///< constant value, deviation, or bound
  double mean = 0.0;               ///< normal
  std::int64_t zero_row = kNoRow;  ///< this row is zero all the same

  static Start constant(double value) { return {Kind::Constant, value}; }
  static Start normal(double deviation, std::int64_t zero_row = kNoRow) {
    return {Kind::Normal, deviation, 0.0, zero_row};
  }
  static Start uniform(double bound) { return {Kind::Uniform, bound}; }
};

/// The trainable tensors of a model in the order of their making, and how each starts.
class ParameterList {
 public:
  /// Makes a float32 leaf tensor.
  at::Tensor add(const std::string& name, std::vector<std::int64_t> shape, const Start& start);
  /// Takes a tensor that a position method owns.
  void adopt(const std::string& name, const at::Tensor& tensor, const Start& start);

  const NamedTensors& tensors() const { return tensors_; }
  const std::vector<Start>& starts() const { return starts_; }

 private:
  NamedTensors tensors_;
  std::vector<Start> starts_;
};

/// Fills every tensor; each value is a function of (seed, name, index).
void fill(const ParameterList& parameters, std::uint64_t seed);

}  // namespace longspan
