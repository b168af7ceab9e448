#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "longspan/distributed/config.h"
#include "longspan/distributed/placement.h"

namespace longspan {

/// Something that all ranks must agree on before they train: a name and the text that a rank has
/// for it. Texts of several lines are compared line by line, so that a message shows one line.
struct Agreement {
  std::string name;
  std::string text;
};

/// A collective call that is under way.
class PendingCall {
 public:
  virtual ~PendingCall() = default;
  /// Waits until the tensor holds the call's result. @throws Error(Distributed)
  virtual void wait() = 0;
};

/// What the processes of a job say to each other. Every function that is marked collective must be
/// called by all ranks in the same order. All throw Error(Distributed) that names the rank that is
/// to blame, where it can be known.
class Communicator {
 public:
  virtual ~Communicator() = default;
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual int rank() const = 0;
  virtual int world_size() const = 0;
  bool leads() const { return rank() == 0; }
  bool is_alone() const { return world_size() == 1; }

  /// Collective. Sums a contiguous tensor over ranks in place; every rank gets the same bits.
  /// @param done when there is one, called on some thread once the tensor is summed, or, on a GPU,
  /// will be before what the thread's current stream is handed next
  virtual std::unique_ptr<PendingCall> start_all_reduce(const at::Tensor& tensor,
                                                        std::function<void()> done) = 0;
  void all_reduce(const at::Tensor& tensor) { start_all_reduce(tensor, {})->wait(); }
  /// Collective. Sums a contiguous tensor of one dimension over ranks in place, of whose
  /// world_size() equal parts each rank needs its own, that with its number, alone. What the others
  /// hold then is their sum too, or, where scatters_sums(), nothing to be read. @param done as
  /// above
  virtual std::unique_ptr<PendingCall> start_part_sum(const at::Tensor& tensor,
                                                      std::function<void()> done) = 0;
  /// Returns whether a part's sum travels to its own rank alone on tensors of a device, which is
  /// half of what an all-reduce moves.
  virtual bool scatters_sums(c10::Device device) const = 0;
  /// Collective. Fills a contiguous tensor of one dimension, of whose world_size() equal parts each
  /// rank has its own right, with those of the others.
  virtual std::unique_ptr<PendingCall> start_part_gather(const at::Tensor& tensor) = 0;
  /// Collective. Copies a contiguous tensor of rank `root` to all.
  virtual void broadcast(const at::Tensor& tensor, int root) = 0;
  /// Collective. Returns the contiguous tensors, of one shape, of all ranks in their order.
  virtual std::vector<at::Tensor> all_gather(const at::Tensor& tensor) = 0;
  /// Collective. Returns rank 0's text.
  std::string broadcast_text(const std::string& text);
  /// Collective. Returns every rank's text in the order of ranks.
  std::vector<std::string> all_gather_texts(const std::string& text);

  /// Tells the others why this rank ends before its time, so that their errors name it.
  virtual void report_failure(const std::string& reason) noexcept = 0;
  /// Collective. Ends the communication; nothing may follow.
  virtual void leave() = 0;
};

/// Returns the communicator of a process that is alone.
std::unique_ptr<Communicator> make_lone_communicator();

/// Sets the environment variables that leave failures of NCCL to whoever waits for it, where the
/// user has not set them. To be called while the process has one thread: others may read the
/// environment.
void set_group_variables();

/// Joins a job: meets the other ranks within config.timeout_seconds, and checks that all agree.
/// Gloo carries tensors on the CPU, NCCL (or Gloo, by config.backend) those on GPUs.
/// @param device of this process; a GPU with its index
/// @throws Error(Distributed) that names the ranks that did not come, or the rank that differs and
/// what differs; Error(Config) for NCCL on a CPU
std::unique_ptr<Communicator> join(const Placement& placement, const DistributedConfig& config,
                                   const std::vector<Agreement>& agreements,
                                   c10::Device device = c10::kCPU);

/// Checks that tensors are equal on all ranks, by their checksums. Collective. @throws
/// Error(Distributed) that names the first tensor that differs from rank 0's, and the rank
void check_equal(Communicator& communicator, const std::vector<std::string>& names,
                 const std::vector<at::Tensor>& tensors);

}  // namespace longspan
