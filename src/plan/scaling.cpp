// A step on many devices, simulated: the arithmetic of time, no tensors.

#include "longspan/plan/scaling.h"

#include <algorithm>
#include <limits>

#include "longspan/core/ceil_divide.h"
#include "longspan/distributed/buckets.h"
#include "longspan/distributed/gradient_reducer.h"
#include "plan/memory.h"
#include "plan/parameter_costs.h"

namespace longspan {
namespace {

// A bucket's part of a backward pass, and what travels.
struct Bucket {
  std::vector<std::size_t> tensors;
  double backward_share = 0.0;
  double bytes = 0.0;
};

double backward_work(const ParameterCost& cost, bool activation_checkpointing) {
  const bool again = activation_checkpointing && cost.name.starts_with("layers.");
  return cost.backward_flop + cost.lookup_bytes + (again ? cost.forward_flop : 0.0);
}

// What stays the same for every number of devices.
class StepModel {
 public:
  StepModel(const RunConfig& config, const Plan& plan, const ScalingOptions& options)
      : config_(config), options_(options), tensors_(parameter_costs(config, plan.vocab_size)) {
    make_buckets();
    set_backward_share();
    set_update(plan);
  }

  std::int64_t message_bytes() const {
    double bytes = 0.0;
    for (const Bucket& bucket : buckets_) bytes += bucket.bytes;
    return static_cast<std::int64_t>(bytes);
  }
  std::int64_t num_buckets() const { return static_cast<std::int64_t>(buckets_.size()); }

  // A step of `sequences` in all, of which a pass takes sequences_a_pass at most.
  ScaledStep step(std::int64_t devices, std::int64_t sequences,
                  std::int64_t sequences_a_pass) const {
    const std::int64_t seq_len = config_.data.seq_len, own = ceil_divide(sequences, devices),
                       last_pass =
                           own - (ceil_divide(own, sequences_a_pass) - 1) * sequences_a_pass;
    ScaledStep result{devices, sequences * seq_len, own * seq_len};
    const double seconds_a_sequence =
        static_cast<double>(seq_len) / options_.speed.tokens_per_second;
    const double backward =
        static_cast<double>(last_pass) * seconds_a_sequence * backward_share_of_pass_;
    result.compute_seconds =
        static_cast<double>(own) * seconds_a_sequence + update_seconds(devices);
    if (devices > 1) {
      const auto overlap = simulate_overlap(messages(devices, backward), options_.speed.send_cost);
      result.wait_seconds = std::max(0.0, overlap.sums_seconds - backward);
      if (config_.distributed.shard_optimizer)
        for (const Bucket& bucket : buckets_)
          result.gather_seconds += part_seconds(devices, bucket, kFloatBytes);
    }
    result.tokens_per_second = static_cast<double>(result.batch_tokens) / result.step_seconds();
    result.efficiency =
        result.tokens_per_second / static_cast<double>(devices) / options_.speed.tokens_per_second;
    return result;
  }

 private:
  void make_buckets() {
    std::vector<std::int64_t> sizes;
    for (const auto& tensor : tensors_) {
      elements_.push_back(tensor.elements);
      sizes.push_back(kFloatBytes * tensor.elements);
    }
    for (const auto& numbers : buckets_of(sizes, config_.distributed.bucket_bytes())) {
      Bucket& bucket = buckets_.emplace_back(Bucket{numbers});
      for (const std::size_t i : numbers) {
        bucket.backward_share += backward_work(tensors_[i], config_.train.activation_checkpointing);
        bucket.bytes += static_cast<double>(wire_bytes() * tensors_[i].elements);
      }
      backward_work_ += bucket.backward_share;
    }
    for (Bucket& bucket : buckets_) bucket.backward_share /= backward_work_;
  }

  void set_backward_share() {
    double forward = 0.0;
    for (const auto& tensor : tensors_) forward += tensor.forward_flop;
    backward_share_of_pass_ =
        options_.speed.backward_share.value_or(backward_work_ / (forward + backward_work_));
  }

  // A float32 of each parameter is touched 4 times outside the optimizer (the gradient is zeroed,
  // read for its norm, scaled in place), and by an optimizer of k numbers 3 + 2 k times.
  void set_update(const Plan& plan) {
    const double numbers = static_cast<double>(plan.memory.optimizer) /
                           static_cast<double>(plan.memory.parameters),
                 outside = 4.0, inside = 3.0 + 2.0 * numbers;
    const double bytes = static_cast<double>(plan.memory.parameters) * (outside + inside);
    const double seconds =
        options_.speed.update_seconds.value_or(bytes / options_.speed.memory_bytes_per_second);
    optimizer_seconds_ = seconds * inside / (outside + inside);
    clip_seconds_ = seconds - optimizer_seconds_;
  }

  double update_seconds(std::int64_t devices) const {
    const bool divided = config_.distributed.shard_optimizer;
    return clip_seconds_ + optimizer_seconds_ / static_cast<double>(divided ? devices : 1);
  }

  std::vector<MessageTimes> messages(std::int64_t devices, double backward_seconds) const {
    std::vector<MessageTimes> result;
    const bool divided = config_.distributed.shard_optimizer;
    for (const Bucket& bucket : buckets_)
      result.push_back({bucket.backward_share * backward_seconds,
                        divided ? part_seconds(devices, bucket, wire_bytes())
                                : all_reduce_seconds(options_.cluster, devices, bucket.bytes)});
    const auto counts = static_cast<std::int64_t>(tensors_.size() + kStepTotals);
    result.push_back({0.0, all_reduce_seconds(options_.cluster, devices,
                                              static_cast<double>(counts * sizeof(double)))});
    if (divided)  // the norm
      result.push_back({0.0, all_gather_seconds(options_.cluster, devices, sizeof(double))});
    return result;
  }

  std::int64_t wire_bytes() const {
    return config_.distributed.reduce_precision == at::kFloat ? kFloatBytes : 2;
  }

  // Of sums that go to the ranks that own them, or of parameters that come from there: half an
  // all-reduce each.
  double part_seconds(std::int64_t devices, const Bucket& bucket,
                      std::int64_t element_bytes) const {
    const std::int64_t part =
        lay_out_in_parts(bucket.tensors, elements_, devices).elements / devices;
    return all_gather_seconds(options_.cluster, devices, static_cast<double>(element_bytes * part));
  }

  const RunConfig& config_;
  const ScalingOptions& options_;
  std::vector<ParameterCost> tensors_;
  std::vector<std::int64_t> elements_;  // of each
  std::vector<Bucket> buckets_;
  double backward_work_ = 0.0, backward_share_of_pass_ = 0.0;
  double clip_seconds_ = 0.0, optimizer_seconds_ = 0.0;
};

}  // namespace

OverlapTimes simulate_overlap(const std::vector<MessageTimes>& messages, double send_cost) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  OverlapTimes times;
  if (messages.empty()) return times;
  std::size_t computed = 0, sent = 0;
  double now = 0.0, to_compute = messages[0].backward_seconds, to_send = messages[0].reduce_seconds;
  while (sent < messages.size()) {
    const bool computes = computed < messages.size(), sends = sent < computed;
    const double speed = sends ? 1.0 - send_cost : 1.0;
    const double until_computed = computes && speed > 0.0 ? to_compute / speed : kNever,
                 until_sent = sends ? to_send : kNever;
    if (until_computed <= until_sent) {
      now += until_computed;
      if (sends) to_send -= until_computed;
      if (++computed < messages.size()) to_compute = messages[computed].backward_seconds;
      times.backward_seconds = now;
    } else {
      now += until_sent;
      if (computes) to_compute = std::max(0.0, to_compute - until_sent * speed);
      if (++sent < messages.size()) to_send = messages[sent].reduce_seconds;
    }
  }
  times.sums_seconds = now;
  return times;
}

Scaling plan_scaling(const RunConfig& config, const Plan& plan, const ScalingOptions& options) {
  const StepModel model(config, plan, options);
  Scaling result{model.message_bytes(), model.num_buckets(), config.sequences_per_step(), {}, {}};
  if (options.devices.empty()) return result;
  const std::int64_t sequences = result.sequences,
                     of_fewest = ceil_divide(sequences, std::ranges::min(options.devices)),
                     a_pass = std::max<std::int64_t>(
                         1, config.train.micro_batch_tokens / config.data.seq_len);
  const bool is_auto = config.train.micro_batch_tokens == 0;
  for (const std::int64_t devices : options.devices) {
    check_devices(options.cluster, devices);
    if (devices <= sequences)
      result.fixed_batch.push_back(model.step(devices, sequences, is_auto ? sequences : a_pass));
    const std::int64_t grown = is_auto ? of_fewest : a_pass;
    result.growing_batch.push_back(model.step(devices, devices * grown, grown));
  }
  return result;
}

}  // namespace longspan
