// The kernels on rows of elements, each thread with some elements of its own.

#include "emulator/emulated_launch.h"

namespace longspan::emulator {
namespace {

std::int64_t num_elements(const gpu::ChunkedRows& shape) {
  return std::int64_t{shape.num_rows} * shape.width;
}

Grid grid_of(const gpu::ChunkedRows& shape) {
  return {{shape.num_blocks(), 1, 1}, gpu::kRowThreads};
}

}  // namespace

void emulate_dropout(const gpu::DropoutProblem& p) {
  TensorMemory tensors;
  tensors.add_input(p.x_ND, num_elements(p.shape));
  tensors.add_input(p.masks.row_ids_N, p.shape.num_rows);
  tensors.add_output(p.out_ND, num_elements(p.shape));
  gpu::visit_element(p.is_bfloat16, [&](auto element) {
    run("dropout", grid_of(p.shape), tensors.memory,
        [&](Thread& thread) { gpu::DropoutRows<decltype(element)>::run(thread, p); });
  });
}

}  // namespace longspan::emulator
