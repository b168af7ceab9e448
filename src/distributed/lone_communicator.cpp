// The communicator of a process that is alone.

#include "longspan/distributed/communicator.h"

namespace longspan {
namespace {

class LoneCall final : public PendingCall {
 public:
  void wait() override {}
};

class LoneCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int world_size() const override { return 1; }
  std::unique_ptr<PendingCall> start_all_reduce(const at::Tensor&,
                                                std::function<void()> done) override {
    if (done) done();
    return std::make_unique<LoneCall>();
  }
  std::unique_ptr<PendingCall> start_part_sum(const at::Tensor& tensor,
                                              std::function<void()> done) override {
    return start_all_reduce(tensor, std::move(done));
  }
  bool scatters_sums(c10::Device) const override { return false; }
  std::unique_ptr<PendingCall> start_part_gather(const at::Tensor&) override {
    return std::make_unique<LoneCall>();
  }
  void broadcast(const at::Tensor&, int) override {}
  std::vector<at::Tensor> all_gather(const at::Tensor& tensor) override { return {tensor.clone()}; }
  void report_failure(const std::string&) noexcept override {}
  void leave() override {}
};

}  // namespace

std::unique_ptr<Communicator> make_lone_communicator() {
  return std::make_unique<LoneCommunicator>();
}

}  // namespace longspan
