#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "longspan/plan/cluster.h"
#include "longspan/plan/plan.h"

namespace longspan {

/// A message of a step, in the order in which messages travel.
struct MessageTimes {
  /// Of the last backward pass between the message before and this one, on a device that does
  /// nothing else.
  double backward_seconds = 0.0;
  double reduce_seconds = 0.0;
};

/// What is over when, in seconds from the start of the last backward pass.
struct OverlapTimes {
  double backward_seconds = 0.0;
  double sums_seconds = 0.0;  ///< the last message; never before backward
};

/// Simulates messages that travel one after another, each once it is there, while backward goes on.
/// While one travels, backward runs at 1 - send_cost of its speed. Without that cost, with b_k and
/// c_k the seconds of message k's backward and reduction, the sums are there after
///   max over k of (b_1 + ... + b_k + c_k + ... + c_K)
/// since some message k is the last that found the link idle, and from then on it was not; at
/// send_cost 1 after the sum of all b and c.
OverlapTimes simulate_overlap(const std::vector<MessageTimes>& messages, double send_cost);

/// What one device computes.
struct DeviceSpeed {
  double tokens_per_second = 0.0;  ///< of forward and backward passes
  /// The backward passes' share of their time; nothing: as the FLOP are divided.
  std::optional<double> backward_share;
  /// Of clipping and updating all parameters; nothing: what passes through memory, at
  /// memory_bytes_per_second. The optimizer's part of it is divided by distributed.shard_optimizer.
  std::optional<double> update_seconds;
  double memory_bytes_per_second = 0.0;
  /// The share of the device's speed that messages take while they travel: 0 is a network that
  /// works by itself, 1 a device that does one or the other.
  double send_cost = 0.0;
};

struct ScalingOptions {
  std::vector<std::int64_t> devices;
  DeviceSpeed speed;
  Cluster cluster;
};

/// A step of the device that has most to do.
struct ScaledStep {
  std::int64_t devices = 0;
  std::int64_t batch_tokens = 0;
  std::int64_t device_tokens = 0;
  double compute_seconds = 0.0;  ///< passes and update
  double wait_seconds = 0.0;     ///< for sums that backward did not hide
  double gather_seconds = 0.0;   ///< of updated parameters, with distributed.shard_optimizer
  double tokens_per_second = 0.0;
  double efficiency = 0.0;  ///< tokens_per_second over devices times that of a device

  double step_seconds() const { return compute_seconds + wait_seconds + gather_seconds; }
};

/// What a job on many devices would do, by simulation; nothing of it is measured. A step is what
/// train does: passes over the device's sequences, buckets of distributed.bucket_mib that travel in
/// the last pass, a last message of counts, clipping and update; with distributed.shard_optimizer,
/// as over NCCL, reduce-scatters of gradients, a message for the norm and all-gathers of the
/// parameters. The time of a pass is proportional to its tokens, and that of
/// backward is divided over tensors as their FLOP are, a byte of looked-up embeddings as one.
struct Scaling {
  std::int64_t message_bytes = 0;  ///< of gradients that a device hands over in a step
  std::int64_t num_buckets = 0;
  std::int64_t sequences = 0;  ///< of train.batch_tokens
  /// Of train.batch_tokens, for as many devices as it has sequences: more would stand idle.
  std::vector<ScaledStep> fixed_batch;
  /// One pass of train.micro_batch_tokens a device; where the file says auto, the share that each
  /// of the fewest devices has of train.batch_tokens.
  std::vector<ScaledStep> growing_batch;
};

/// @throws Error(Config) for a number of devices that the cluster cannot have
Scaling plan_scaling(const RunConfig& config, const Plan& plan, const ScalingOptions& options);

}  // namespace longspan
