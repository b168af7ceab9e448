// The kernels on rows of elements, each thread with some elements of its own.

#include "emulator/emulated_launch.h"

namespace longspan::emulator {
namespace {

std::int64_t num_elements(const gpu::ChunkedRows& shape) {
  return std::int64_t{shape.num_rows} * shape.width;
}

// From the first to the last, of rows that are further apart than they are wide.
std::int64_t num_elements(const gpu::ChunkedRows& shape, int stride) {
  return std::int64_t{shape.num_rows - 1} * stride + shape.width;
}

Grid grid_of(const gpu::ChunkedRows& shape) {
  return {{shape.num_blocks(), 1, 1}, gpu::kRowThreads};
}

TensorMemory inputs_of(const gpu::ActivationProblem& p) {
  TensorMemory tensors;
  tensors.add_input(p.x_NF, num_elements(p.shape, p.x_stride));
  tensors.add_input(p.gate_NF, num_elements(p.shape, p.gate_stride));
  tensors.add_input(p.masks.row_ids_N, p.shape.num_rows);
  return tensors;
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

void emulate_activation_forward(const gpu::ActivationProblem& p, std::uint16_t* out_NF) {
  TensorMemory tensors = inputs_of(p);
  tensors.add_output(out_NF, num_elements(p.shape));
  gpu::visit_activation_kind(p, [&](auto kind) {
    run("activation forward", grid_of(p.shape), tensors.memory,
        [&](Thread& thread) { gpu::ActivationForward<decltype(kind)>::run(thread, p, out_NF); });
  });
}

void emulate_activation_backward(const gpu::ActivationProblem& p,
                                 const gpu::ActivationGradients& gradients) {
  TensorMemory tensors = inputs_of(p);
  tensors.add_input(gradients.d_out_NF, num_elements(p.shape));
  tensors.add_output(gradients.d_x_NF, num_elements(p.shape, gradients.stride));
  if (gradients.d_gate_NF != nullptr)
    tensors.add_output(gradients.d_gate_NF, num_elements(p.shape, gradients.stride));
  gpu::visit_activation_kind(p, [&](auto kind) {
    using Backward = gpu::ActivationBackward<decltype(kind)>;
    run("activation backward", grid_of(p.shape), tensors.memory,
        [&](Thread& thread) { Backward::run(thread, p, gradients); });
  });
}

void emulate_rotation(const gpu::RotationProblem& p) {
  TensorMemory tensors;
  const std::int64_t num_angles = std::int64_t{p.num_positions} * p.num_pairs;
  const std::int64_t of_row = std::int64_t{p.num_heads} * p.head_dim;
  tensors.add_input(p.x.data, (p.num_sequences - 1) * p.x.batch_stride +
                                  (p.num_positions - 1) * p.x.row_stride + of_row);
  tensors.add_input(p.cos_TF, num_angles);
  tensors.add_input(p.sin_TF, num_angles);
  tensors.add_output(p.out_BTHK, std::int64_t{p.num_sequences} * p.num_positions * of_row);
  gpu::visit_rotation(p, [&](auto kernel) {
    run("rotation", {{p.num_blocks(), 1, 1}, gpu::kRowThreads}, tensors.memory,
        [&](Thread& thread) { decltype(kernel)::run(thread, p); });
  });
}

}  // namespace longspan::emulator
