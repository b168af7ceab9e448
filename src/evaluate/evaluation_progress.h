#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "longspan/core/progress.h"
#include "longspan/evaluate/protocol.h"
#include "longspan/model/transformer.h"

namespace longspan {

/// Tells how far an evaluation of several cells has come, and the time that is left, by the FLOP of
/// windows: long ones cost more a token, short strides more a target.
class EvaluationProgress {
 public:
  /// @param name of the run, for the line
  EvaluationProgress(std::string name, const Transformer& model, std::int64_t num_targets);

  /// Counts a cell that will be scored.
  void plan(std::int64_t length, EvaluationMode mode);
  /// Says which cell comes now.
  void begin(std::int64_t length, EvaluationMode mode);
  /// Says that windows are done.
  void add(std::span<const Window> windows);

 private:
  double flop_of(std::span<const Window> windows) const;
  std::string text() const;

  const std::string name_;
  const std::int64_t num_targets_;
  double flop_a_token_ = 0.0, flop_a_pair_ = 0.0, flop_a_target_ = 0.0;
  double planned_ = 0.0, done_ = 0.0;
  std::int64_t num_cells_ = 0, cell_ = 0;
  std::string what_;
  ProgressLine line_;
};

}  // namespace longspan
