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
    add_input(p.first_seen_BT, std::int64_t{p.num_sequences} * p.num_queries);
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

// Memory of a call that goes through rows.
struct Rows {
  GlobalMemory memory;
  std::int64_t rows, width;

  Rows(std::int64_t num_rows, std::int64_t row_width) : rows(num_rows), width(row_width) {}
  template <class Value>
  void read(const Value* data, std::int64_t count) {
    if (data != nullptr) memory.add_input(data, static_cast<std::size_t>(count) * sizeof(Value));
  }
  template <class Value>
  void write(Value* data, std::int64_t count) {
    if (data == nullptr) return;
    std::memset(data, 0xff, static_cast<std::size_t>(count) * sizeof(Value));
    memory.add_output(data, static_cast<std::size_t>(count) * sizeof(Value));
  }
};

void residual_norm_forward(const gpu::RowCase& wanted, const gpu::ResidualNormProblem& p,
                           const gpu::ResidualNormOutputs& outputs) {
  Rows tensors(p.num_rows, p.width);
  const std::int64_t elements = tensors.rows * tensors.width;
  tensors.read(p.x_ND, elements);
  tensors.read(p.branch_ND, elements);
  tensors.read(p.weight_D, p.width);
  tensors.read(p.bias_D, p.width);
  tensors.read(p.row_ids_N, p.num_rows);
  tensors.write(outputs.sum_ND, elements);
  tensors.write(outputs.normed_ND, elements);
  tensors.write(outputs.mean_N, p.num_rows);
  tensors.write(outputs.inverse_N, p.num_rows);
  gpu::visit_residual_norm(wanted, [&](auto kind) {
    using Kind = decltype(kind);
    const int threads = Kind::num_warps(p.width) * kWarpThreads;
    current().counts["residual norm"] =
        launch({{p.num_rows, 1, 1}, threads, Kind::kSharedBytes, current().skipped_barrier},
               tensors.memory, current().seed,
               [&](Thread& thread) { Kind::forward(thread, threads, p, outputs); });
  });
}

void residual_norm_backward(const gpu::RowCase& wanted, const gpu::ResidualNormProblem& p,
                            const gpu::ResidualNormGradients& gradients) {
  Rows tensors(p.num_rows, p.width);
  const std::int64_t elements = tensors.rows * tensors.width;
  const int parts = gpu::num_parts(p.num_rows);
  tensors.read(p.weight_D, p.width);
  tensors.read(p.row_ids_N, p.num_rows);
  tensors.read(gradients.sum_ND, elements);
  tensors.read(gradients.mean_N, p.num_rows);
  tensors.read(gradients.inverse_N, p.num_rows);
  tensors.read(gradients.d_sum_ND, elements);
  tensors.read(gradients.d_normed_ND, elements);
  tensors.write(gradients.d_x_ND, elements);
  tensors.write(gradients.d_branch_ND, elements);
  tensors.write(gradients.d_weights_P2D, std::int64_t{2} * parts * p.width);
  gpu::visit_residual_norm(wanted, [&](auto kind) {
    using Kind = decltype(kind);
    const int threads = Kind::num_warps(p.width) * kWarpThreads;
    current().counts["gradient of residual norm"] =
        launch({{parts, 1, 1}, threads, Kind::kSharedBytes, current().skipped_barrier},
               tensors.memory, current().seed,
               [&](Thread& thread) { Kind::backward(thread, threads, parts, p, gradients); });
  });
}

void add_logits(Rows& tensors, const gpu::LogitRows& rows) {
  tensors.read(rows.logits_NV, tensors.rows * tensors.width);
  tensors.read(rows.targets_N, tensors.rows);
}

template <class Kernel, class Run>
void run_rows(const char* name, Rows& tensors, const Run& run) {
  current().counts[name] = launch({{static_cast<int>(tensors.rows), 1, 1},
                                   Kernel::kThreads,
                                   Kernel::kSharedBytes,
                                   current().skipped_barrier},
                                  tensors.memory, current().seed, run);
}

void cross_entropy(gpu::GradientType type, const gpu::LogitRows& rows,
                   const gpu::LossOutputs& outputs) {
  Rows tensors(rows.num_rows, rows.vocab_size);
  const std::int64_t bytes =
      tensors.rows * tensors.width * (type == gpu::GradientType::Float32 ? 4 : 2);
  // Before the logits: where the gradient takes their place, this is the range that is found.
  if (outputs.d_logits_NV == rows.logits_NV)
    tensors.memory.add_output(outputs.d_logits_NV, static_cast<std::size_t>(bytes));
  else
    tensors.write(static_cast<char*>(outputs.d_logits_NV), bytes);
  tensors.write(outputs.losses_N, tensors.rows);
  add_logits(tensors, rows);
  gpu::visit_cross_entropy(type, [&](auto kernel) {
    using Kernel = decltype(kernel);
    run_rows<Kernel>("cross-entropy", tensors,
                     [&](Thread& thread) { Kernel::run(thread, rows, outputs); });
  });
}

void target_log_probabilities(const gpu::LogitRows& rows, float* out_N) {
  using Kernel = gpu::TargetLogProbabilities;
  Rows tensors(rows.num_rows, rows.vocab_size);
  tensors.write(out_N, tensors.rows);
  add_logits(tensors, rows);
  run_rows<Kernel>("target log-probabilities", tensors,
                   [&](Thread& thread) { Kernel::run(thread, rows, out_N); });
}

constexpr gpu::Launches kEmulated{.device = c10::kCPU,
                                  .attention_forward = attention_forward,
                                  .attention_backward = attention_backward,
                                  .cross_entropy = cross_entropy,
                                  .target_log_probabilities = target_log_probabilities,
                                  .residual_norm_forward = residual_norm_forward,
                                  .residual_norm_backward = residual_norm_backward,
                                  .dropout = emulate_dropout,
                                  .activation_forward = emulate_activation_forward,
                                  .activation_backward = emulate_activation_backward,
                                  .rotation = emulate_rotation,
                                  .gradient_squares = emulate_gradient_squares,
                                  .gradient_norm = emulate_gradient_norm,
                                  .momentum_update = emulate_momentum_update,
                                  .adamw_update = emulate_adamw_update,
                                  .narrow_copies = emulate_narrow_copies};

}  // namespace

Emulation& current() {
  static Emulation emulation;
  return emulation;
}

EmulatedGpu::EmulatedGpu(const Emulation& how) : launches_(kEmulated) { current() = how; }
EmulatedGpu::~EmulatedGpu() { current() = {}; }
const Emulation& EmulatedGpu::emulation() const { return current(); }

}  // namespace longspan::emulator
