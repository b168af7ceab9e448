// Loops of ours really run on several threads: in a file compiled without OpenMP at::parallel_for
// would run on one, and results would not tell.

#include <ctime>

#include "longspan/kernels/attention.h"
#include "support/tensors.h"

#ifndef INTRA_OP_PARALLEL
#error "files that see LibTorch must be compiled with OpenMP"
#endif

namespace longspan {
namespace {

// Seconds of processor time that all threads of the process have used.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST_CASE("a thread of its own takes half of the work of attention") {
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  const auto x = testing::random_tensor({8, 256, 4, 16}, 1);
  const double all = processor_seconds(), here = thread_seconds();
  for (int i = 0; i < 4; ++i) attention(x, x, x, {{}, 0.25, std::nullopt});
  const double used = processor_seconds() - all, used_here = thread_seconds() - here;
  at::set_num_threads(threads);
  CHECK(used - used_here > 0.3 * used);  // waiting threads sleep here: see the test's environment
}

}  // namespace
}  // namespace longspan
