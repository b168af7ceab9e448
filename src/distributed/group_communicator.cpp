// c10d behind the communicator. Its headers and its exceptions go no further than this folder.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <cstdlib>
#include <mutex>

#include "distributed/agreement.h"
#include "distributed/collectives.h"
#include "distributed/finished_work.h"
#include "distributed/own_address.h"
#include "distributed/patient_threads.h"
#include "distributed/pulse.h"
#include "distributed/store.h"
#include "longspan/core/error.h"
#include "longspan/device/device.h"
#include "longspan/distributed/communicator.h"
#ifdef LONGSPAN_WITH_CUDA
#include "distributed/nccl.h"
#endif

namespace longspan {
namespace {

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1e3));
}

class GroupCommunicator final : public Communicator {
 public:
  GroupCommunicator(const Placement& placement, const DistributedConfig& config,
                    const std::vector<Agreement>& agreements, c10::Device device)
      : placement_(placement), timeout_(milliseconds_of(config.timeout_seconds)) {
    meet(agreements);
    guarded("forming the group", [&] { form_group(config.backend, device); });
  }

  // The others notice that the group ends, and look for the reason in the store: who keeps it stays
  // a little longer.
  ~GroupCommunicator() override {
    if (left_ || !keeps_store()) return;
    group_.reset();
    pulse_->wait_for_others(kLastLook);
  }

  int rank() const override { return placement_.rank; }
  int world_size() const override { return placement_.world_size; }

  std::unique_ptr<PendingCall> start_all_reduce(const at::Tensor& tensor,
                                                std::function<void()> done) override {
    return start("all-reduce", tensor, std::move(done), start_sum);
  }

  std::unique_ptr<PendingCall> start_part_sum(const at::Tensor& tensor,
                                              std::function<void()> done) override {
    return start("sum of parts", tensor, std::move(done), longspan::start_part_sum);
  }

  bool scatters_sums(c10::Device device) const override {
    return longspan::scatters_sums(*group_, device);
  }

  std::unique_ptr<PendingCall> start_part_gather(const at::Tensor& tensor) override {
    const at::NoGradGuard no_gradient;
    return start("gathering parts", tensor, {}, longspan::start_part_gather);
  }

  void broadcast(const at::Tensor& tensor, int root) override {
    const at::NoGradGuard no_gradient;
    c10d::BroadcastOptions options;
    options.rootRank = root;
    std::vector<at::Tensor> tensors{tensor};
    guarded("broadcast",
            [&] { finish(*group_->broadcast(tensors, options), tensor.device(), timeout_); });
  }

  std::vector<at::Tensor> all_gather(const at::Tensor& tensor) override {
    const at::NoGradGuard no_gradient;
    std::vector<std::vector<at::Tensor>> results(1);
    for (int i = 0; i < world_size(); ++i) results[0].push_back(at::empty_like(tensor));
    std::vector<at::Tensor> tensors{tensor};
    guarded("all-gather",
            [&] { finish(*group_->allgather(results, tensors), tensor.device(), timeout_); });
    return results[0];
  }

  void report_failure(const std::string& reason) noexcept override {
    if (pulse_) pulse_->report_failure(reason);
  }

  void leave() override {
    // The group's own barrier goes through a tensor that all groups of a process share, which ranks
    // on threads, as in tests, would free twice.
    guarded("the last barrier",
            [&] { finish(*group_->getBackend(at::kCPU)->barrier(), at::kCPU, timeout_); });
    guarded("the end", [&] { group_->shutdown(); });
    left_ = true;
  }

 private:
  class GroupCall final : public PendingCall {
   public:
    GroupCall(GroupCommunicator& owner, const char* name, Work work, c10::Device device,
              std::function<void()> done)
        : owner_(owner), name_(name), work_(std::move(work)), device_(device) {
      if (!done) return;
      // NCCL's future is there when the work is queued: `done` is called at once, on a stream that
      // comes after the work.
      told_ = work_->getFuture()->then(
          [done = std::move(done)](c10::ivalue::Future& future) -> c10::IValue {
            if (!future.hasError()) done();
            return {};
          },
          c10::NoneType::get());
    }
    // The work may be over before `done` was called: what `done` touches must outlive both.
    void wait() override {
      owner_.guarded(name_, [&] {
        finish(*work_, device_, owner_.timeout_);
        if (told_) told_->waitAndThrow();
      });
    }

   private:
    GroupCommunicator& owner_;
    const char* name_;
    Work work_;
    c10::Device device_;
    c10::intrusive_ptr<c10::ivalue::Future> told_;
  };

  std::unique_ptr<PendingCall> start(const char* name, const at::Tensor& tensor,
                                     std::function<void()> done,
                                     Work (*call)(c10d::ProcessGroup&, const at::Tensor&)) {
    return guarded(name, [&] {
      return std::make_unique<GroupCall>(*this, name, call(*group_, tensor), tensor.device(),
                                         std::move(done));
    });
  }

  bool keeps_store() const { return placement_.rank == 0 && !placement_.launcher_keeps_store; }

  Store connect() const {
    const bool listens = keeps_store();
    try {
      return connect_store(placement_, timeout_, listens);
    } catch (const std::exception& error) {
      throw Error(
          ErrorKind::Distributed,
          concat("rank ", rank(), listens ? " must be able to listen at port " : " must reach ",
                 listens ? "" : placement_.address + ":", placement_.port, " (",
                 listens ? "MASTER_PORT" : "MASTER_ADDR, MASTER_PORT",
                 "): ", first_line_of(error)));
    }
  }

  void meet(const std::vector<Agreement>& agreements) {
    Store lobby;
    if (placement_.attempt.empty()) {
      lobby = connect();
      placement_.attempt = find_attempt(*lobby, placement_, timeout_);
    }
    store_ = connect();
    pulse_ = std::make_unique<Pulse>(placement_);
    guarded("meeting the other ranks", [&] {
      check_agreement({placement_, lobby, store_}, agreements, timeout_);
    });
  }

  void form_group(Backend backend, c10::Device device) {
    auto options = c10d::ProcessGroupGloo::Options::create(timeout_);
    options->devices = {make_device()};
    group_ = c10::make_intrusive<c10d::ProcessGroup>(store_, rank(), world_size());
    group_->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
    const auto gloo =
        c10::make_intrusive<c10d::ProcessGroupGloo>(store_, rank(), world_size(), options);
    group_->setBackend(at::kCPU, c10d::ProcessGroup::BackendType::GLOO, gloo);
    group_->setGroupName("longspan");
    if (device.is_cpu()) return;
    if (backend == Backend::Gloo) {
      group_->setBackend(device.type(), c10d::ProcessGroup::BackendType::GLOO, gloo);
      return;
    }
#ifdef LONGSPAN_WITH_CUDA
    add_nccl(*group_, store_, device, timeout_);
#endif
  }

  // The device's thread, which reads from the sockets, starts here.
  std::shared_ptr<::gloo::transport::Device> make_device() const {
    const PatientThreads patient;
    const auto interface = process_environment()("GLOO_SOCKET_IFNAME");
    return interface ? c10d::ProcessGroupGloo::createDeviceForInterface(*interface)
                     : c10d::ProcessGroupGloo::createDeviceForHostname(own_address(placement_));
  }

  // Runs a call on the group; turns its failure into an error that names who is to blame.
  template <class Call>
  auto guarded(const char* what, Call call) -> decltype(call()) {
    try {
      return call();
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      // A call on the group allocates too; memory that runs out there is this rank's own failure.
      if (is_out_of_memory(error)) throw;
      const std::string culprit = pulse_->find_culprit();
      // What a GPU still waits for would keep it, and this process, from ending.
      if (group_ && group_->getDeviceTypes().size() > 1) group_->abort();
      throw Error(ErrorKind::Distributed, concat("rank ", rank(), " lost its peers in ", what, ": ",
                                                 culprit, " (", first_line_of(error), ")"));
    }
  }

  Placement placement_;
  std::chrono::milliseconds timeout_;
  Store store_;
  std::unique_ptr<Pulse> pulse_;
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
  bool left_ = false;
};

// c10d logs stack traces of failures that it also throws, and those become one line here.
void quiet_log() {
  static std::once_flag once;  // the ranks of a test are threads
  std::call_once(once, [] {
    if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = c10::GLOG_FATAL;
  });
}

}  // namespace

void set_group_variables() {
  // c10d would end the process when a call of NCCL takes too long. Here whoever waits for the call
  // finds out, says which rank is to blame, and ends with an exit code.
  ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", /*overwrite=*/0);
}

std::unique_ptr<Communicator> join(const Placement& placement, const DistributedConfig& config,
                                   const std::vector<Agreement>& agreements, c10::Device device) {
  check(config.backend != Backend::Nccl || !device.is_cpu(), ErrorKind::Config,
        "distributed.backend must be gloo or auto on a CPU, got nccl; see --device");
  quiet_log();
  return std::make_unique<GroupCommunicator>(placement, config, agreements, device);
}

}  // namespace longspan
