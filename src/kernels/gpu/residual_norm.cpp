// The residual stream by the kernels of this folder.

#include "kernels/element_pointer.h"
#include "kernels/gpu/launches.h"
#include "kernels/gpu/row_tensors.h"
#include "kernels/residual_norm_node.h"

namespace longspan {
namespace {

std::uint16_t* halves_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? gpu::elements(tensor) : nullptr;
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
    problem.weight_D = elements_or_null<float>(in.weight_D);
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
    problem.x_ND = halves_or_null(in.x);
    problem.branch_ND = halves_or_null(in.branch);
    problem.bias_D = elements_or_null<float>(in.bias_D);
    gpu::launches_for(in.x)->residual_norm_forward(
        case_of(in), problem,
        {halves_or_null(out.sum), halves_or_null(out.normed), elements_or_null<float>(out.mean_N),
         elements_or_null<float>(out.inverse_N)});
  }

  static void backward(const ResidualNormInputs& in, const ResidualNormGradients& d) {
    gpu::launches_for(in.x)->residual_norm_backward(
        case_of(in), problem_of(in),
        {halves_or_null(d.sum), elements_or_null<float>(d.mean_N),
         elements_or_null<float>(d.inverse_N), halves_or_null(d.d_sum), halves_or_null(d.d_normed),
         halves_or_null(d.d_x), halves_or_null(d.d_branch),
         elements_or_null<float>(d.d_weights_P2D)});
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
