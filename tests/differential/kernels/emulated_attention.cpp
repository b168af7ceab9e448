#include "differential/kernels/emulated_attention.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "emulator/thread.h"
#include "kernels/bias_tensors.h"
#include "kernels/dropout_rule.h"
#include "kernels/gpu/attention_kinds.h"

namespace longspan::testing {
namespace {

std::uint16_t* bits(const at::Tensor& tensor) {
  return static_cast<std::uint16_t*>(tensor.data_ptr());
}

gpu::HeadRows head_rows(const at::Tensor& tensor) {
  return {bits(tensor), tensor.stride(0), tensor.stride(1)};
}

at::Tensor not_written(at::IntArrayRef sizes, const at::TensorOptions& options) {
  return at::full(sizes, std::numeric_limits<double>::quiet_NaN(), options);
}

struct Inputs {
  gpu::AttentionProblem problem{};
  at::Tensor slopes_H, bias_HN, row_ids_BT;
  emulator::GlobalMemory memory;

  void read(const at::Tensor& tensor) { memory.add_input(tensor.data_ptr(), tensor.nbytes()); }
  void write(const at::Tensor& tensor) { memory.add_output(tensor.data_ptr(), tensor.nbytes()); }
};

void describe(Inputs& inputs, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
              const AttentionOptions& options) {
  gpu::AttentionProblem& p = inputs.problem;
  p.num_queries = static_cast<int>(q.size(1));
  p.num_keys = static_cast<int>(k.size(1));
  p.num_heads = static_cast<int>(q.size(2));
  p.num_kv_heads = static_cast<int>(k.size(2));
  p.head_dim = static_cast<int>(q.size(3));
  p.scale = static_cast<float>(options.scale);
  p.q = head_rows(q);
  p.k = head_rows(k);
  p.v = head_rows(v);
  const auto* linear = std::get_if<LinearBias>(&options.bias);
  inputs.slopes_H =
      linear != nullptr ? linear->slopes_H.to(at::kFloat) : at::zeros({q.size(2)}, at::kFloat);
  p.slopes_H = inputs.slopes_H.const_data_ptr<float>();
  inputs.read(inputs.slopes_H);
  if (form_of(options.bias) == BiasForm::Distance) {
    inputs.bias_HN = bias_by_distance(options.bias, k.size(1), at::kFloat).contiguous();
    p.bias_HN = inputs.bias_HN.const_data_ptr<float>();
    p.bias_stride = inputs.bias_HN.size(1);
    inputs.read(inputs.bias_HN);
  }
  if (options.dropout) {
    inputs.row_ids_BT = options.dropout->row_ids_BT.contiguous();
    p.row_ids_BT = inputs.row_ids_BT.const_data_ptr<std::int64_t>();
    inputs.read(inputs.row_ids_BT);
    const auto mask = row_mask({options.dropout->p, options.dropout->key, 0}, 0);
    p.key = mask.key;
    p.step = mask.counter.x[2];
    p.keep = mask.keep;
  }
}

}  // namespace

EmulatedAttention emulate_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                    const at::Tensor& d_out, const AttentionOptions& options,
                                    const Emulation& emulation) {
  Inputs inputs;
  describe(inputs, q, k, v, options);
  const int B = static_cast<int>(q.size(0)), H = inputs.problem.num_heads,
            G = inputs.problem.num_kv_heads, T = inputs.problem.num_queries,
            S = inputs.problem.num_keys;
  const auto of_floats = at::TensorOptions(at::kFloat);
  EmulatedAttention result;
  result.out = not_written(q.sizes(), q.options());
  result.log_sums_BHT = not_written({B, H, T}, of_floats);
  result.d_q = not_written(q.sizes(), q.options());
  result.d_k = not_written(k.sizes(), k.options());
  result.d_v = not_written(v.sizes(), v.options());
  const at::Tensor delta_BHT = not_written({B, H, T}, of_floats);
  const bool bias_trains = form_of(options.bias) == BiasForm::Distance;
  at::Tensor d_bias_BHTS;
  for (const auto& tensor : {q, k, v, d_out}) inputs.read(tensor);
  for (const auto& tensor :
       {result.out, result.log_sums_BHT, delta_BHT, result.d_q, result.d_k, result.d_v})
    inputs.write(tensor);
  gpu::AttentionGradients gradients{head_rows(result.out),
                                    head_rows(d_out),
                                    result.log_sums_BHT.const_data_ptr<float>(),
                                    delta_BHT.mutable_data_ptr<float>(),
                                    bits(result.d_q),
                                    bits(result.d_k),
                                    bits(result.d_v),
                                    nullptr};
  const gpu::AttentionCase wanted{q.scalar_type() == at::kBFloat16, static_cast<int>(q.size(3)),
                                  bias_trains ? gpu::BiasKind::Distance : gpu::BiasKind::Linear,
                                  options.dropout.has_value()};
  gpu::visit_attention_kind(wanted, [&](auto kind) {
    using Forward = gpu::AttentionForward<decltype(kind)>;
    using Queries = gpu::AttentionBackwardQueries<decltype(kind)>;
    using Keys = gpu::AttentionBackwardKeys<decltype(kind)>;
    if (bias_trains) {
      d_bias_BHTS = at::zeros({B, H, Queries::num_blocks(T), S}, of_floats);
      gradients.d_bias_BHTS = d_bias_BHTS.mutable_data_ptr<float>();
      inputs.write(d_bias_BHTS);
    }
    const gpu::AttentionOutputs outputs{bits(result.out),
                                        result.log_sums_BHT.mutable_data_ptr<float>()};
    const auto launch = [&](std::array<int, 3> blocks, int shared_bytes, const auto& kernel) {
      return emulator::launch({blocks, gpu::kThreads, shared_bytes, emulation.skipped_barrier},
                              inputs.memory, emulation.seed, kernel);
    };
    result.forward =
        launch({Forward::num_blocks(T), B * H, 1}, Forward::kSharedBytes,
               [&](emulator::Thread& thread) { Forward::run(thread, inputs.problem, outputs); });
    result.backward_queries =
        launch({Queries::num_blocks(T), B * H, 1}, Queries::kSharedBytes,
               [&](emulator::Thread& thread) { Queries::run(thread, inputs.problem, gradients); });
    result.backward_keys =
        launch({Keys::num_blocks(S), B * G, 1}, Keys::kSharedBytes,
               [&](emulator::Thread& thread) { Keys::run(thread, inputs.problem, gradients); });
  });
  if (bias_trains) result.d_bias_HS = d_bias_BHTS.sum(at::IntArrayRef{0, 2});
  return result;
}

}  // namespace longspan::testing
