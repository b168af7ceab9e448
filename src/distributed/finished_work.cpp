// Waits on the host for what c10d does on a GPU, where its own wait() only queues what follows
// behind the work and returns at once: a rank that is gone would show nowhere.

#include "distributed/finished_work.h"

#include <exception>
#include <stdexcept>
#include <thread>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr std::chrono::microseconds kLookAtGpu{50};

}  // namespace

void finish(c10d::Work& work, c10::Device device, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!device.is_cpu() && !work.isCompleted()) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error(concat("no end of it within ", timeout.count() / 1000, " s"));
    std::this_thread::sleep_for(kLookAtGpu);
  }
  // NCCL's work is completed on a failure too, and its wait() keeps silent about that.
  if (const auto failure = work.exception()) std::rethrow_exception(failure);
  if (!work.wait()) throw std::runtime_error("it was aborted");
}

}  // namespace longspan
