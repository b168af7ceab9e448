// Who and what is to blame for a step that is not finite.

#include "train/divergence.h"

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"

namespace longspan {
namespace {

// Returns the number of the first tensor whose gradient is not finite; how many there are when all
// are.
std::size_t first_bad_gradient(const NamedTensors& tensors) {
  const auto found = std::ranges::find_if(tensors, [](const NamedTensor& named) {
    return named.tensor.grad().defined() && !named.tensor.grad().isfinite().all().item<bool>();
  });
  return static_cast<std::size_t>(found - tensors.begin());
}

// Collective.
std::string first_bad_tensor(const StepParts& place) {
  const NamedTensors parameters = place.model.parameters();
  std::size_t first = first_bad_gradient(place.summed());
  if (place.scatters_sums())
    for (const auto& other : place.communicator.all_gather_texts(std::to_string(first)))
      first = std::min<std::size_t>(first, std::stoull(other));
  if (first < parameters.size()) return "gradient of " + parameters[first].name;
  for (const auto& parameter : parameters)
    if (!parameter.tensor.isfinite().all().item<bool>()) return "parameter " + parameter.name;
  return "the loss";
}

// Returns the names of the ranks whose own loss is not finite. Collective: the sum tells all of
// them.
std::string bad_ranks(Communicator& communicator, double own_loss_sum) {
  const auto answers = communicator.all_gather_texts(std::isfinite(own_loss_sum) ? "" : "bad");
  std::string names;
  for (std::size_t rank = 0; rank < answers.size(); ++rank)
    if (!answers[rank].empty()) names += concat(names.empty() ? "rank " : ", rank ", rank);
  return names.empty() ? "all ranks" : names;
}

}  // namespace

std::string non_finite_text(const StepParts& place, const StepResult& result, double own_loss_sum) {
  const double targets = static_cast<double>(result.num_targets);
  const std::string ranks =
      std::isfinite(result.loss_sum) ? "all ranks" : bad_ranks(place.communicator, own_loss_sum);
  std::string text = concat(" on ", ranks, ": ", first_bad_tensor(place), " is not finite (loss ",
                            result.loss_sum / targets, ", gradient norm ", result.grad_norm);
  if (place.loss_scale != nullptr)
    text += concat(", loss scale ", place.loss_scale->scale(), ", which must stay above ",
                   place.config.train.loss_scale.min);
  return text + ")";
}

}  // namespace longspan
