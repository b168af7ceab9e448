#include "emulator/launches.h"

#include <ATen/ops/empty.h>

#include "emulator/emulated_launch.h"

namespace longspan::emulator {
namespace {

// The tensors of a call of attention.
struct Tensors : TensorMemory {
  const gpu::AttentionProblem& p;

  explicit Tensors(const gpu::AttentionProblem& problem) : p(problem) {
    add_rows(p.q, p.num_queries, p.num_heads);
    add_rows(p.k, p.num_keys, p.num_kv_heads);
    add_rows(p.v, p.num_keys, p.num_kv_heads);
    add_input(p.slopes_H, p.num_heads);
    if (p.bias_HN != nullptr) add_input(p.bias_HN, (p.num_heads - 1) * p.bias_stride + p.num_keys);
    add_input(p.row_ids_BT, std::int64_t{p.num_sequences} * p.num_queries);
  }
  void add_rows(const gpu::HeadRows& rows, int count, int heads) {
    add_input(rows.data, (p.num_sequences - 1) * rows.batch_stride + (count - 1) * rows.row_stride +
                             std::int64_t{heads} * p.head_dim);
  }
  std::int64_t num_rows() const {
    return std::int64_t{p.num_sequences} * p.num_heads * p.num_queries;
  }
  std::int64_t num_key_elements() const {
    return std::int64_t{p.num_sequences} * p.num_kv_heads * p.num_keys * p.head_dim;
  }
};

void attention_forward(const gpu::AttentionCase& wanted, const gpu::AttentionProblem& p,
                       const gpu::AttentionOutputs& outputs) {
  Tensors tensors(p);
  tensors.add_output(outputs.out_BTHK, tensors.num_rows() * p.head_dim);
  tensors.add_output(outputs.log_sums_BHT, tensors.num_rows());
  gpu::visit_attention_kind(wanted, [&](auto kind) {
    using Forward = gpu::AttentionForward<decltype(kind)>;
    run("attention forward",
        {{Forward::num_blocks(p.num_queries), p.num_heads, p.num_sequences},
         gpu::kThreads,
         Forward::kSharedBytes},
        tensors.memory, [&](Thread& thread) { Forward::run(thread, p, outputs); });
  });
  at::Tensor& log_sums = current().log_sums_BHT;
  log_sums = at::empty({p.num_sequences, p.num_heads, p.num_queries}, at::kFloat);
  std::memcpy(log_sums.mutable_data_ptr(), outputs.log_sums_BHT, log_sums.nbytes());
}

void attention_backward(const gpu::AttentionCase& wanted, const gpu::AttentionProblem& p,
                        const gpu::AttentionGradients& gradients) {
  Tensors tensors(p);
  tensors.add_rows(gradients.out, p.num_queries, p.num_heads);
  tensors.add_rows(gradients.d_out, p.num_queries, p.num_heads);
  tensors.add_input(gradients.log_sums_BHT, tensors.num_rows());
  tensors.add_output(gradients.delta_BHT, tensors.num_rows());
  tensors.add_output(gradients.d_q_BTHK, tensors.num_rows() * p.head_dim);
  tensors.add_output(gradients.d_k_BSGK, tensors.num_key_elements());
  tensors.add_output(gradients.d_v_BSGK, tensors.num_key_elements());
  gpu::visit_attention_kind(wanted, [&](auto kind) {
    using Queries = gpu::AttentionBackwardQueries<decltype(kind)>;
    using Keys = gpu::AttentionBackwardKeys<decltype(kind)>;
    if (gradients.d_bias_BHTN != nullptr)
      tensors.memory.add_output(gradients.d_bias_BHTN,
                                sizeof(float) * static_cast<std::size_t>(p.num_sequences) *
                                    static_cast<std::size_t>(p.num_heads) *
                                    static_cast<std::size_t>(Queries::num_blocks(p.num_queries)) *
                                    static_cast<std::size_t>(p.num_keys));
    run("attention backward by queries",
        {{Queries::num_blocks(p.num_queries), p.num_heads, p.num_sequences},
         gpu::kThreads,
         Queries::kSharedBytes},
        tensors.memory, [&](Thread& thread) { Queries::run(thread, p, gradients); });
    run("attention backward by keys",
        {{Keys::num_blocks(p.num_keys), p.num_kv_heads, p.num_sequences},
         gpu::kThreads,
         Keys::kSharedBytes},
        tensors.memory, [&](Thread& thread) { Keys::run(thread, p, gradients); });
  });
}

constexpr gpu::Launches kEmulated{.device = c10::kCPU,
                                  .attention_forward = attention_forward,
                                  .attention_backward = attention_backward,
                                  .dropout = emulate_dropout,
                                  .activation_forward = emulate_activation_forward,
                                  .activation_backward = emulate_activation_backward,
                                  .rotation = emulate_rotation};

}  // namespace

Emulation& current() {
  static Emulation emulation;
  return emulation;
}

EmulatedGpu::EmulatedGpu(const Emulation& how) : launches_(kEmulated) { current() = how; }
EmulatedGpu::~EmulatedGpu() { current() = {}; }
const Emulation& EmulatedGpu::emulation() const { return current(); }

}  // namespace longspan::emulator
