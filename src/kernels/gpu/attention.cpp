// Attention by the kernels of this folder: what they are told, and the tensors that they fill.

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "kernels/attention_function.h"
#include "kernels/bias_tensors.h"
#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"

namespace longspan {
namespace {

using gpu::elements;

gpu::HeadRows head_rows(const at::Tensor& tensor) {
  return {elements(tensor), tensor.stride(0), tensor.stride(1)};
}

bool is_by_distance(const AttentionCall& call) {
  return call.bias.defined() && call.bias.dim() == 2;
}

gpu::BiasKind kind_of_bias(const AttentionCall& call) {
  if (call.first_seen_BT.defined()) return gpu::BiasKind::Bounded;
  return is_by_distance(call) ? gpu::BiasKind::Distance : gpu::BiasKind::Linear;
}

struct GpuKernel {
  static gpu::AttentionCase case_of(const AttentionCall& call) {
    return {call.q_BTHK.scalar_type() == at::kBFloat16, static_cast<int>(call.q_BTHK.size(3)),
            kind_of_bias(call), call.p > 0.0};
  }

  static gpu::AttentionProblem problem_of(const AttentionCall& call) {
    const at::Tensor &q = call.q_BTHK, &k = call.k_BSGK;
    gpu::AttentionProblem p{};
    p.num_sequences = static_cast<int>(q.size(0));
    p.num_queries = static_cast<int>(q.size(1));
    p.num_keys = static_cast<int>(k.size(1));
    p.num_heads = static_cast<int>(q.size(2));
    p.num_kv_heads = static_cast<int>(k.size(2));
    p.head_dim = static_cast<int>(q.size(3));
    p.scale = static_cast<float>(call.scale);
    p.q = head_rows(q);
    p.k = head_rows(k);
    p.v = head_rows(call.v_BSGK);
    if (is_by_distance(call)) {
      p.bias_HN = call.bias.const_data_ptr<float>();
      p.bias_stride = call.bias.stride(0);
    } else {
      p.slopes_H = call.bias.const_data_ptr<float>();
    }
    if (call.first_seen_BT.defined())
      p.first_seen_BT = call.first_seen_BT.const_data_ptr<std::int32_t>();
    if (call.p == 0.0) return p;
    p.row_ids_BT = call.row_ids_BT.const_data_ptr<std::int64_t>();
    p.mask = gpu::mask_rule({call.p, call.key});
    return p;
  }

  static AttentionResult forward(const AttentionCall& call) {
    const at::Tensor& q = call.q_BTHK;
    const AttentionResult result{
        at::empty(q.sizes(), q.options()),
        at::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(at::kFloat))};
    gpu::launches_for(q)->attention_forward(
        case_of(call), problem_of(call),
        {elements(result.out_BTHK), result.log_sums_BHT.mutable_data_ptr<float>()});
    return result;
  }

  static AttentionInputGradients backward(const AttentionCall& call, const AttentionResult& result,
                                          const at::Tensor& d_out) {
    const auto like = [](const at::Tensor& x) { return at::empty(x.sizes(), x.options()); };
    AttentionInputGradients d{like(call.q_BTHK), like(call.k_BSGK), like(call.v_BSGK), {}};
    const at::Tensor delta_BHT = like(result.log_sums_BHT);
    at::Tensor d_bias_BHTN;
    const gpu::AttentionProblem problem = problem_of(call);
    gpu::AttentionGradients gradients{head_rows(result.out_BTHK),
                                      head_rows(d_out),
                                      result.log_sums_BHT.const_data_ptr<float>(),
                                      delta_BHT.mutable_data_ptr<float>(),
                                      elements(d.q),
                                      elements(d.k),
                                      elements(d.v),
                                      nullptr};
    if (call.bias_trains) {
      const int tiles = gpu::ceil_tiles(problem.num_queries, gpu::kQueryTile);
      d_bias_BHTN = at::zeros({problem.num_sequences, problem.num_heads, tiles, problem.num_keys},
                              call.bias.options());
      gradients.d_bias_BHTN = d_bias_BHTN.mutable_data_ptr<float>();
    }
    gpu::launches_for(call.q_BTHK)->attention_backward(case_of(call), problem, gradients);
    if (call.bias_trains) d.bias = d_bias_BHTN.sum(at::IntArrayRef{0, 2});
    return d;
  }
};

// Slopes or biases by distance in float32; zeros where there is no bias. Bounded kernels take
// distances alone.
at::Tensor bias_of(const AttentionOptions& options, const at::Tensor& q, std::int64_t num_keys) {
  const auto as_floats = q.options().dtype(at::kFloat).requires_grad(false);
  if (options.first_seen_BT.defined()) {
    const auto bias_HN = bias_by_distance(options.bias, num_keys, at::kFloat);
    return bias_HN.defined() ? bias_HN.contiguous() : at::zeros({q.size(2), num_keys}, as_floats);
  }
  if (const auto* linear = std::get_if<LinearBias>(&options.bias))
    return linear->slopes_H.to(at::kFloat).contiguous();
  if (form_of(options.bias) == BiasForm::Distance)
    return bias_by_distance(options.bias, num_keys, at::kFloat).contiguous();
  return at::zeros({q.size(2)}, as_floats);
}

}  // namespace

bool fits_gpu_attention(const KernelCase& wanted) {
  return gpu::fits_rows(wanted) && wanted.form != BiasForm::Dense &&
         wanted.width <= gpu::kMostHeadDim;
}

bool takes_gpu_attention(const KernelCase& wanted) {
  return gpu::launches_on(wanted.device) != nullptr && fits_gpu_attention(wanted);
}

at::Tensor gpu_attention(const at::Tensor& q_BTHK, const at::Tensor& k_BSGK,
                         const at::Tensor& v_BSGK, const AttentionOptions& options) {
  return run_attention<GpuKernel>(gpu::with_aligned_heads(q_BTHK), gpu::with_aligned_heads(k_BSGK),
                                  gpu::with_aligned_heads(v_BSGK),
                                  bias_of(options, q_BTHK, k_BSGK.size(1)), options);
}

}  // namespace longspan
