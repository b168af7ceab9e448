// The residual stream by the kernels of this folder.

#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"
#include "kernels/residual_norm_node.h"

namespace longspan {
namespace {

std::uint16_t* elements_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? gpu::elements(tensor) : nullptr;
}

float* floats_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.mutable_data_ptr<float>() : nullptr;
}

struct GpuResidualRows {
  static at::Tensor ready(const at::Tensor& x) { return gpu::with_aligned_elements(x); }

  static std::int64_t num_parts(std::int64_t num_rows) {
    return gpu::num_parts(static_cast<int>(num_rows));
  }

  static gpu::ResidualNormProblem problem_of(const ResidualNormInputs& in) {
    gpu::ResidualNormProblem problem{};
    problem.width = static_cast<int>(in.width());
    problem.num_rows = static_cast<int>(in.num_rows());
    problem.weight_D = floats_or_null(in.weight_D);
    problem.eps = static_cast<float>(in.numbers.eps);
    problem.centred = in.numbers.centred;
    if (in.numbers.p == 0.0) return problem;
    problem.row_ids_N = in.row_ids_N.const_data_ptr<std::int64_t>();
    problem.mask = gpu::mask_rule({in.numbers.p, in.numbers.key});
    return problem;
  }

  static gpu::RowCase case_of(const ResidualNormInputs& in) {
    return {in.x.scalar_type() == at::kBFloat16, in.numbers.p > 0.0};
  }

  static void forward(const ResidualNormInputs& in, const ResidualNormOutputs& out) {
    gpu::ResidualNormProblem problem = problem_of(in);
    problem.x_ND = elements_or_null(in.x);
    problem.branch_ND = elements_or_null(in.branch);
    problem.bias_D = floats_or_null(in.bias_D);
    gpu::launches_for(in.x)->residual_norm_forward(
        case_of(in), problem,
        {elements_or_null(out.sum), elements_or_null(out.normed), floats_or_null(out.mean_N),
         floats_or_null(out.inverse_N)});
  }

  static void backward(const ResidualNormInputs& in, const ResidualNormGradients& d) {
    gpu::launches_for(in.x)->residual_norm_backward(
        case_of(in), problem_of(in),
        {elements_or_null(d.sum), floats_or_null(d.mean_N), floats_or_null(d.inverse_N),
         elements_or_null(d.d_sum), elements_or_null(d.d_normed), elements_or_null(d.d_x),
         elements_or_null(d.d_branch), floats_or_null(d.d_weights_P2D)});
  }
};

}  // namespace

bool takes_gpu_residual_norm(const KernelCase& wanted) {
  return gpu::takes_rows(wanted) && wanted.width <= gpu::kWidestRow;
}

SumAndNorm gpu_residual_norm(const ResidualNormCall& call) {
  return residual_norm_by<GpuResidualRows>(call);
}

}  // namespace longspan
