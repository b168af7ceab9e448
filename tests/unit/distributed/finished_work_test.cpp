// Work that behaves as NCCL's does, without a GPU.

#include "distributed/finished_work.h"

#include <stdexcept>

#include "support/torch_catch.h"

namespace longspan {
namespace {

using std::chrono::milliseconds;

const c10::Device kGpu{c10::kCUDA, 0};

// Over after some looks. As c10d's WorkNCCL without blocking waits: an exception too ends it,
// wait() returns without a word of that, and isSuccess() throws.
class GpuWork final : public c10d::Work {
 public:
  GpuWork(int looks, std::exception_ptr failure) : looks_(looks), failure_(std::move(failure)) {}
  bool isCompleted() override {
    if (looks_ < 0 || looks_-- > 0) return false;
    looks_ = 0;
    if (failure_) exception_ = failure_;
    return true;
  }
  bool isSuccess() const override { throw std::logic_error("NCCL's work does not say"); }
  bool wait(milliseconds) override {
    queued = true;
    ended_before_queued = looks_ == 0 && !failure_;
    return true;
  }
  bool queued = false, ended_before_queued = false;

 private:
  int looks_;  // that find it under way; below 0: all of them
  std::exception_ptr failure_;
};

TEST_CASE("work on a GPU that ends well is waited for on the caller's stream") {
  GpuWork work(3, nullptr);
  finish(work, kGpu, milliseconds(10'000));
  CHECK(work.queued);
  CHECK(work.ended_before_queued);
  CHECK(work.isCompleted());
}

TEST_CASE("work on a GPU that fails late is not taken for done") {
  GpuWork work(3, std::make_exception_ptr(std::runtime_error("NCCL error: remote process exited")));
  CHECK_THROWS_WITH(finish(work, kGpu, milliseconds(10'000)), "NCCL error: remote process exited");
  CHECK_FALSE(work.queued);
}

TEST_CASE("work on a GPU that never ends is given up at its deadline") {
  GpuWork work(-1, nullptr);
  const auto start = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH(finish(work, kGpu, milliseconds(1'000)), "no end of it within 1 s");
  CHECK(std::chrono::steady_clock::now() - start >= milliseconds(1'000));
  CHECK_FALSE(work.queued);
}

// Gloo's work fails in wait().
TEST_CASE("work on a CPU throws what it failed with") {
  class CpuWork final : public c10d::Work {
   public:
    bool wait(milliseconds) override { throw std::runtime_error("connection closed by peer"); }
  } work;
  CHECK_THROWS_WITH(finish(work, c10::kCPU, milliseconds(0)), "connection closed by peer");
}

TEST_CASE("work that was aborted is not taken for done") {
  class AbortedWork final : public c10d::Work {
   public:
    bool wait(milliseconds) override { return false; }
  } work;
  CHECK_THROWS_WITH(finish(work, c10::kCPU, milliseconds(0)), "it was aborted");
}

}  // namespace
}  // namespace longspan
