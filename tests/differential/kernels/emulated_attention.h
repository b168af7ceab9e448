#pragma once

#include <vector>

#include "emulator/memory.h"
#include "longspan/kernels/attention.h"

namespace longspan::testing {

struct EmulatedAttention {
  at::Tensor out, log_sums_BHT;         // log_sums float32
  at::Tensor d_q, d_k, d_v, d_bias_HS;  // d_bias float32, undefined where no bias trains
  emulator::Counts forward, backward_queries, backward_keys;
};

/// How the emulator runs them.
struct Emulation {
  std::uint64_t seed = 1;    ///< of the order of threads
  int skipped_barrier = -1;  ///< see emulator::Grid
};

/// Runs the GPU's kernels of attention, forward and backward, on the emulator.
/// @param q_BTHK, k_BSGK, v_BSGK, d_out_BTHK bfloat16 or float16
EmulatedAttention emulate_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                                    const at::Tensor& v_BSGK, const at::Tensor& d_out_BTHK,
                                    const AttentionOptions& options,
                                    const Emulation& emulation = {});

}  // namespace longspan::testing
