#pragma once

#include <limits>
#include <memory>
#include <utility>

#include "longspan/core/part.h"
#include "longspan/distributed/communicator.h"

namespace longspan::testing {

/// A communicator that sends each rank its own part of a sum alone, as NCCL does, on the CPU: what
/// the other parts hold is not a number, before they are gathered too.
class Scattering final : public Communicator {
 public:
  explicit Scattering(Communicator& inner) : inner_(inner) {}

  int rank() const override { return inner_.rank(); }
  int world_size() const override { return inner_.world_size(); }
  std::unique_ptr<PendingCall> start_all_reduce(const at::Tensor& tensor,
                                                std::function<void()> done) override {
    return inner_.start_all_reduce(tensor, std::move(done));
  }
  std::unique_ptr<PendingCall> start_part_sum(const at::Tensor& tensor,
                                              std::function<void()> done) override {
    return std::make_unique<Sum>(*this, tensor, inner_.start_all_reduce(tensor, std::move(done)));
  }
  bool scatters_sums(c10::Device) const override { return true; }
  std::unique_ptr<PendingCall> start_part_gather(const at::Tensor& tensor) override {
    spoil(tensor);
    return inner_.start_part_gather(tensor);
  }
  void broadcast(const at::Tensor& tensor, int root) override { inner_.broadcast(tensor, root); }
  std::vector<at::Tensor> all_gather(const at::Tensor& tensor) override {
    return inner_.all_gather(tensor);
  }
  void report_failure(const std::string& reason) noexcept override {
    inner_.report_failure(reason);
  }
  void leave() override { inner_.leave(); }

 private:
  class Sum final : public PendingCall {
   public:
    Sum(Scattering& owner, at::Tensor tensor, std::unique_ptr<PendingCall> sum)
        : owner_(owner), tensor_(std::move(tensor)), sum_(std::move(sum)) {}
    void wait() override {
      sum_->wait();
      owner_.spoil(tensor_);
    }

   private:
    Scattering& owner_;
    at::Tensor tensor_;
    std::unique_ptr<PendingCall> sum_;
  };

  void spoil(const at::Tensor& tensor) const {
    const std::int64_t part = tensor.numel() / world_size(), begin = rank() * part;
    tensor.narrow(0, 0, begin).fill_(std::numeric_limits<double>::quiet_NaN());
    tensor.narrow(0, begin + part, tensor.numel() - begin - part)
        .fill_(std::numeric_limits<double>::quiet_NaN());
  }

  Communicator& inner_;
};

}  // namespace longspan::testing
