// The kernels on tables of tensors.

#include "emulator/emulated_launch.h"

namespace longspan::emulator {
namespace {

// A table with the tensors that its rows name.
struct TableMemory : TensorMemory {
  explicit TableMemory(const gpu::TensorTable& table) {
    add_input(table.rows, table.num_tensors);
    for (int i = 0; i < table.num_tensors; ++i) {
      const gpu::TensorRow& row = table.rows[i];
      add_input(row.gradient, row.count);
      if (row.narrow != nullptr) add_output(row.narrow, row.count);
      if (row.narrow != nullptr) add_input(row.parameter, row.count);
    }
  }
  /// Parameters and state are read and written.
  void add_updated(const gpu::TensorTable& table) {
    for (int i = 0; i < table.num_tensors; ++i)
      for (float* data : {table.rows[i].parameter, table.rows[i].first, table.rows[i].second})
        if (data != nullptr)
          memory.add_output(data, static_cast<std::size_t>(table.rows[i].count) * sizeof(float));
  }
};

Grid grid_of(const gpu::TensorTable& table) {
  return {{table.num_chunks, 1, 1}, gpu::kUpdateThreads};
}

template <class Kernel, class Numbers>
void emulate_update(const char* name, const gpu::TensorTable& table, const Numbers& numbers,
                    const double* factor) {
  TableMemory tensors(table);
  tensors.add_updated(table);
  tensors.add_input(factor, 1);
  run(name, grid_of(table), tensors.memory,
      [&](Thread& thread) { Kernel::run(thread, table, numbers, factor); });
}

}  // namespace

void emulate_gradient_squares(const gpu::TensorTable& table, double* sums_C) {
  TableMemory tensors(table);
  tensors.add_output(sums_C, table.num_chunks);
  Grid grid = grid_of(table);
  grid.shared_bytes = gpu::GradientSquares::kSharedBytes;
  run("squares of gradients", grid, tensors.memory,
      [&](Thread& thread) { gpu::GradientSquares::run(thread, table, sums_C); });
}

void emulate_gradient_norm(const gpu::NormProblem& problem, const gpu::NormOutputs& outputs) {
  TensorMemory tensors;
  tensors.add_input(problem.sums_C, problem.num_sums);
  tensors.add_input(problem.loss_sum, 1);
  for (double* output : {outputs.loss_sum, outputs.norm, outputs.factor})
    tensors.add_output(output, 1);
  run("norm of gradients", {{1, 1, 1}, gpu::kUpdateThreads, gpu::GradientNorm::kSharedBytes},
      tensors.memory, [&](Thread& thread) { gpu::GradientNorm::run(thread, problem, outputs); });
}

void emulate_momentum_update(const gpu::TensorTable& table, const gpu::MomentumNumbers& numbers,
                             const double* factor) {
  emulate_update<gpu::MomentumUpdate>("momentum update", table, numbers, factor);
}

void emulate_adamw_update(const gpu::TensorTable& table, const gpu::AdamWNumbers& numbers,
                          const double* factor) {
  emulate_update<gpu::AdamWUpdate>("AdamW update", table, numbers, factor);
}

void emulate_narrow_copies(bool is_bfloat16, const gpu::TensorTable& table) {
  TableMemory tensors(table);
  gpu::visit_element(is_bfloat16, [&](auto element) {
    run("narrow copies", grid_of(table), tensors.memory,
        [&](Thread& thread) { gpu::NarrowCopies<decltype(element)>::run(thread, table); });
  });
}

}  // namespace longspan::emulator
