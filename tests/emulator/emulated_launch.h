#pragma once

#include <cstring>

#include "emulator/launches.h"
#include "emulator/thread.h"

namespace longspan::emulator {

/// How the EmulatedGpu that lives runs kernels, and what they did.
Emulation& current();

/// The tensors of one call as the memory that its kernels may touch.
struct TensorMemory {
  GlobalMemory memory;

  /// @param data null for a tensor that the call has not
  template <class Value>
  void add_input(const Value* data, std::int64_t count) {
    if (data != nullptr) memory.add_input(data, static_cast<std::size_t>(count) * sizeof(Value));
  }
  /// Filled with NaN: what a kernel does not write shows.
  template <class Value>
  void add_output(Value* data, std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(Value);
    std::memset(data, 0xff, bytes);
    memory.add_output(data, bytes);
  }
};

template <class Kernel>
void run(const char* name, Grid grid, GlobalMemory& memory, const Kernel& kernel) {
  grid.skipped_barrier = current().skipped_barrier;
  current().counts[name] = launch(grid, memory, current().seed, kernel);
}

// What stands in kernels/gpu/launches.h for kernels on rows.
void emulate_dropout(const gpu::DropoutProblem& problem);
void emulate_activation_forward(const gpu::ActivationProblem& problem, std::uint16_t* out_NF);
void emulate_activation_backward(const gpu::ActivationProblem& problem,
                                 const gpu::ActivationGradients& gradients);
void emulate_rotation(const gpu::RotationProblem& problem);

// And for kernels on tables of tensors.
void emulate_gradient_squares(const gpu::TensorTable& table, double* sums_C);
void emulate_gradient_norm(const gpu::NormProblem& problem, const gpu::NormOutputs& outputs);
void emulate_momentum_update(const gpu::TensorTable& table, const gpu::MomentumNumbers& numbers,
                             const double* factor);
void emulate_adamw_update(const gpu::TensorTable& table, const gpu::AdamWNumbers& numbers,
                          const double* factor);
void emulate_narrow_copies(bool is_bfloat16, const gpu::TensorTable& table);

}  // namespace longspan::emulator
