#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "longspan/core/named_tensors.h"
#include "longspan/core/timeline.h"
#include "longspan/distributed/communicator.h"
#include "longspan/distributed/parameter_shards.h"

namespace longspan {

/// How many numbers a training step adds up beside its gradients: loss, targets, time, votes.
inline constexpr std::size_t kStepTotals = 9;

struct GradientReducerOptions {
  std::int64_t bucket_bytes = 25 << 20;    ///< of gradients that travel together
  at::ScalarType wire_dtype = at::kFloat;  ///< of what travels and is summed: float or bfloat16
  /// Of the same parameters, where ranks divide their update; outlives the reducer.
  const ParameterShards* shards = nullptr;
};

/// Sums gradients over ranks while backward still computes the rest: buckets of parameters, in the
/// reverse of their order, travel as soon as each of their gradients is final (Li et al., "PyTorch
/// Distributed", VLDB 2020, section 3.2.3). All ranks send the buckets in the same order. A step:
///   begin_step(); every backward pass but the last; expect_last_pass(); the last one;
///   finish_step()
/// A rank without a pass calls begin_step() and finish_step() only.
class GradientReducer {
 public:
  /// @param parameters leaves of one dtype on one device; the same on all ranks, which outlive this
  GradientReducer(const NamedTensors& parameters, Communicator& communicator,
                  const GradientReducerOptions& options);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Forgets all gradients; backward's become views of their buckets. @param timeline gets a span
  /// for each bucket of this step, when there is one
  void begin_step(Timeline* timeline = nullptr);
  /// From now on a gradient is final when backward has added to it.
  void expect_last_pass();
  /// Collective. Sends what was not sent yet and waits for all. Gradients of summed() are then the
  /// sums over ranks, and those of the shards' own elements; a parameter that no rank's backward
  /// reached has none. Adds `totals` up over ranks, in the same messages.
  /// @throws Error(Distributed)
  void finish_step(std::vector<double>& totals);

  /// Returns whether each rank gets the sums of its own elements alone. Whole parameters then have
  /// no gradient after a step.
  bool scatters_sums() const;
  /// Returns that of which this rank has the sums after a step: all parameters, or its own elements
  /// of them where scatters_sums().
  const NamedTensors& summed() const;

  /// Bytes of gradients that each rank hands over in a step.
  std::int64_t bytes_per_step() const;
  std::int64_t num_buckets() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace longspan
