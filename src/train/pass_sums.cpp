// After Megatron-LM's rerun state machine: a step computed twice tells a machine that computes
// wrongly from a loss that is what it is.

#include "train/pass_sums.h"

#include "longspan/core/error.h"

namespace longspan {
namespace {

bool has_equal_bits(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  const auto bytes = [](const at::Tensor& tensor) {
    return tensor.contiguous().reshape({-1}).view(at::kByte);
  };
  return bytes(a).equal(bytes(b));
}

}  // namespace

PassSums copy_sums(const NamedTensors& parameters, const at::Tensor& loss_sum) {
  PassSums result{loss_sum, {}};
  for (const auto& [name, tensor] : parameters)
    result.gradients.push_back(tensor.grad().defined() ? tensor.grad().clone() : at::Tensor());
  return result;
}

std::string first_difference(const NamedTensors& parameters, const PassSums& first,
                             const PassSums& second) {
  if (!has_equal_bits(first.loss_sum, second.loss_sum)) return "the loss";
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (!has_equal_bits(first.gradients[i], second.gradients[i]))
      return "the gradient of " + parameters[i].name;
  return "";
}

void check_no_difference(Communicator& communicator, std::int64_t step,
                         const std::string& difference) {
  const auto all = communicator.all_gather_texts(difference);
  std::string found;
  for (std::size_t rank = 0; rank < all.size(); ++rank)
    if (!all[rank].empty())
      found += concat(found.empty() ? "" : ", ", all[rank], " on rank ", rank);
  check(found.empty(), ErrorKind::Internal, "step ", step,
        " computed twice must give the same bits (train.check_every_steps), it does not: ", found,
        "; nothing of the step is kept; try other hardware, and if it happens there too report it");
}

}  // namespace longspan
