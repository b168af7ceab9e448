#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define LONGSPAN_HOST_DEVICE __host__ __device__
#else
#define LONGSPAN_HOST_DEVICE
#endif

namespace longspan {

struct PhiloxCounter {
  std::uint32_t x[4];
};
struct PhiloxKey {
  std::uint32_t x[2];
};

/// Computes Philox4x32-10: four random words from a counter and a key, without state.
/// @see Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011
LONGSPAN_HOST_DEVICE constexpr PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  constexpr std::uint64_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter.x[0];
    const std::uint64_t product1 = kMultiplier1 * counter.x[2];
    counter = {{static_cast<std::uint32_t>(product1 >> 32) ^ counter.x[1] ^ key.x[0],
                static_cast<std::uint32_t>(product1),
                static_cast<std::uint32_t>(product0 >> 32) ^ counter.x[3] ^ key.x[1],
                static_cast<std::uint32_t>(product0)}};
    key.x[0] += kWeyl0;
    key.x[1] += kWeyl1;
  }
  return counter;
}

}  // namespace longspan
