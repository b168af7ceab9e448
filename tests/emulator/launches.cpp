#include "emulator/launches.h"

#include <ATen/ops/empty.h>

#include <cstring>

#include "emulator/thread.h"

namespace longspan::emulator {
namespace {

Emulation current;

// The tensors of one call as the memory that its kernels may touch.
struct Tensors {
  GlobalMemory memory;
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
  template <class Value>
  void add_input(const Value* data, std::int64_t count) {
    if (data != nullptr) memory.add_input(data, static_cast<std::size_t>(count) * sizeof(Value));
  }
  // Filled with NaN: what a kernel does not write shows.
  template <class Value>
  void add_output(Value* data, std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(Value);
    std::memset(data, 0xff, bytes);
    memory.add_output(data, bytes);
  }
  std::int64_t num_rows() const {
    return std::int64_t{p.num_sequences} * p.num_heads * p.num_queries;
  }
  std::int64_t num_key_elements() const {
    return std::int64_t{p.num_sequences} * p.num_kv_heads * p.num_keys * p.head_dim;
  }
};

template <class Kernel>
void run(const char* name, const std::array<int, 3>& blocks, int shared_bytes, GlobalMemory& memory,
         const Kernel& kernel) {
  current.counts[name] = launch({blocks, gpu::kThreads, shared_bytes, current.skipped_barrier},
                                memory, current.seed, kernel);
}

void attention_forward(const gpu::AttentionCase& wanted, const gpu::AttentionProblem& p,
                       const gpu::AttentionOutputs& outputs) {
  Tensors tensors(p);
  tensors.add_output(outputs.out_BTHK, tensors.num_rows() * p.head_dim);
  tensors.add_output(outputs.log_sums_BHT, tensors.num_rows());
  gpu::visit_attention_kind(wanted, [&](auto kind) {
    using Forward = gpu::AttentionForward<decltype(kind)>;
    run("attention forward", {Forward::num_blocks(p.num_queries), p.num_heads, p.num_sequences},
        Forward::kSharedBytes, tensors.memory,
        [&](Thread& thread) { Forward::run(thread, p, outputs); });
  });
  current.log_sums_BHT = at::empty({p.num_sequences, p.num_heads, p.num_queries}, at::kFloat);
  std::memcpy(current.log_sums_BHT.mutable_data_ptr(), outputs.log_sums_BHT,
              current.log_sums_BHT.nbytes());
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
        {Queries::num_blocks(p.num_queries), p.num_heads, p.num_sequences}, Queries::kSharedBytes,
        tensors.memory, [&](Thread& thread) { Queries::run(thread, p, gradients); });
    run("attention backward by keys",
        {Keys::num_blocks(p.num_keys), p.num_kv_heads, p.num_sequences}, Keys::kSharedBytes,
        tensors.memory, [&](Thread& thread) { Keys::run(thread, p, gradients); });
  });
}

void add_logits(GlobalMemory& memory, const gpu::LogitRows& rows) {
  const auto N = static_cast<std::size_t>(rows.num_rows),
             V = static_cast<std::size_t>(rows.vocab_size);
  memory.add_input(rows.logits_NV, N * V * sizeof(float));
  memory.add_input(rows.targets_N, N * sizeof(std::int64_t));
}

// Filled with NaN, unless it has something that is read.
void add_output(GlobalMemory& memory, void* data, std::size_t bytes, bool is_read = false) {
  if (!is_read) std::memset(data, 0xff, bytes);
  memory.add_output(data, bytes);
}

template <class Kernel, class Run>
void run_rows(const char* name, const gpu::LogitRows& rows, GlobalMemory& memory, const Run& run) {
  current.counts[name] = launch(
      {{rows.num_rows, 1, 1}, Kernel::kThreads, Kernel::kSharedBytes, current.skipped_barrier},
      memory, current.seed, run);
}

void cross_entropy(gpu::GradientType type, const gpu::LogitRows& rows,
                   const gpu::LossOutputs& outputs) {
  const auto N = static_cast<std::size_t>(rows.num_rows),
             V = static_cast<std::size_t>(rows.vocab_size);
  const std::size_t bytes = type == gpu::GradientType::Float32 ? 4 : 2;
  GlobalMemory memory;
  // First: where the gradient takes the logits' place, this range is the one that is found.
  add_output(memory, outputs.d_logits_NV, N * V * bytes, outputs.d_logits_NV == rows.logits_NV);
  add_output(memory, outputs.losses_N, N * sizeof(float));
  add_logits(memory, rows);
  gpu::visit_cross_entropy(type, [&](auto kernel) {
    using Kernel = decltype(kernel);
    run_rows<Kernel>("cross-entropy", rows, memory,
                     [&](Thread& thread) { Kernel::run(thread, rows, outputs); });
  });
}

void target_log_probabilities(const gpu::LogitRows& rows, float* out_N) {
  using Kernel = gpu::TargetLogProbabilities;
  GlobalMemory memory;
  add_output(memory, out_N, static_cast<std::size_t>(rows.num_rows) * sizeof(float));
  add_logits(memory, rows);
  run_rows<Kernel>("target log-probabilities", rows, memory,
                   [&](Thread& thread) { Kernel::run(thread, rows, out_N); });
}

constexpr gpu::Launches kEmulated{c10::kCPU, attention_forward, attention_backward, cross_entropy,
                                  target_log_probabilities};

}  // namespace

EmulatedGpu::EmulatedGpu(const Emulation& how) : launches_(kEmulated) { current = how; }
EmulatedGpu::~EmulatedGpu() { current = {}; }
const Emulation& EmulatedGpu::emulation() const { return current; }

}  // namespace longspan::emulator
