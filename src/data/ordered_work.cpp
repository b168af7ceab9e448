#include "data/ordered_work.h"

#include <algorithm>

namespace longspan {

int threads_to_use(int num_threads) {
  // More than these wait for the one that reads and the one that writes.
  constexpr int kMost = 64;
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return std::min(num_threads > 0 ? num_threads : cores, kMost);
}

}  // namespace longspan
