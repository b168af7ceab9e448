// One optimizer step.

#include "train/step.h"

#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "longspan/core/signals.h"
#include "longspan/device/host_copy.h"
#include "train/device_batch.h"

namespace longspan {
namespace {

bool scatters_sums(const StepParts& place) {
  return place.reducer != nullptr && place.reducer->scatters_sums();
}

// Returns that of which this rank has the gradients' sums.
NamedTensors summed_by(const StepParts& place) {
  return place.reducer != nullptr ? place.reducer->summed() : place.model.parameters();
}

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
  std::size_t first = first_bad_gradient(summed_by(place));
  if (scatters_sums(place))
    for (const auto& other : place.communicator.all_gather_texts(std::to_string(first)))
      first = std::min<std::size_t>(first, std::stoull(other));
  if (first < parameters.size()) return "gradient of " + parameters[first].name;
  for (const auto& parameter : parameters)
    if (!parameter.tensor.isfinite().all().item<bool>()) return "parameter " + parameter.name;
  return "the loss";
}

// Returns GradientNumbers. Collective: where each rank has sums of its own, the squares of their
// norms are added in the order of ranks.
at::Tensor numbers_over_ranks(const StepParts& place, const ClipRule& rule,
                              const at::Tensor& loss_sum) {
  const at::Tensor own_3 = gradient_numbers(summed_by(place), rule, loss_sum);
  if (!scatters_sums(place)) return own_3;
  const double own = own_3[1].item<double>();
  double squares = 0.0;
  for (const auto& square : place.communicator.all_gather(at::full({1}, own * own, at::kDouble)))
    squares += square.item<double>();
  return gradient_numbers(loss_sum, std::sqrt(squares), rule);
}

// Sums gradients and counts over ranks, and settles what they decide together.
void exchange(const StepParts& place, StepResult& result) {
  std::vector<double> totals{result.loss_sum, static_cast<double>(result.num_targets),
                             place.communicator.leads() ? result.vote.elapsed_seconds : 0.0,
                             result.vote.save ? 1.0 : 0.0, result.abandoned ? 1.0 : 0.0};
  for (const int signal : kStopSignals)
    totals.push_back(result.vote.stop_signal == signal ? 1.0 : 0.0);
  check(totals.size() == kStepTotals, ErrorKind::Internal, "a step sums ", kStepTotals,
        " numbers, got ", totals.size());
  place.reducer->finish_step(totals);
  result.loss_sum = totals[0];
  result.num_targets = static_cast<std::int64_t>(totals[1]);
  result.vote = {0, totals[3] > 0.0, totals[2]};
  result.abandoned = totals[4] > 0.0;
  for (std::size_t i = 0; i < kStopSignals.size(); ++i)
    if (totals[5 + i] > 0.0) result.vote.stop_signal = kStopSignals[i];
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

// Collective.
std::string divergence_text(const StepParts& place, std::int64_t step, const StepResult& result,
                            double own_loss_sum) {
  const double targets = static_cast<double>(result.num_targets);
  const std::string ranks =
      std::isfinite(result.loss_sum) ? "all ranks" : bad_ranks(place.communicator, own_loss_sum);
  std::string text = concat("training diverged at step ", step + 1, " on ", ranks, ": ",
                            first_bad_tensor(place), " is not finite (loss ",
                            result.loss_sum / targets, ", gradient norm ", result.grad_norm);
  if (place.loss_scale != nullptr)
    text += concat(", loss scale ", place.loss_scale->scale(), ", which must stay above ",
                   place.config.train.loss_scale.min);
  return text +
         "); resume with a lower schedule.peak_lr, longer warm-up or smaller optimizer.clip_norm";
}

// Clips and updates; where the loss or the gradient is not finite, skips the update or throws.
// Collective. @param own_loss_sum of this rank, where the model is
void clip_and_update(const StepParts& place, std::int64_t step, const at::Tensor& own_loss_sum,
                     StepResult& result) {
  LossScale* const loss_scale = place.loss_scale;
  const double scale = loss_scale != nullptr ? loss_scale->scale() : 1.0;
  ClipRule rule{1.0 / static_cast<double>(result.num_targets) / scale,
                place.config.optimizer.clip_norm};
  if (loss_scale != nullptr) rule.eps = 0.0;
  const at::Tensor loss_sum = place.reducer == nullptr
                                  ? own_loss_sum
                                  : at::full({}, result.loss_sum, own_loss_sum.options());
  const at::Tensor numbers_3 = numbers_over_ranks(place, rule, loss_sum);
  const HostCopy copy(numbers_3);
  const auto update = [&] { place.optimizer.step(result.lr, numbers_3.select(0, 2)); };
  // A GPU updates, or finds that it must not, while the host reads the norm and begins the next
  // step. Under a loss scale updates are skipped, which the optimizer must not count.
  if (loss_scale == nullptr) update();
  const double* const numbers = copy.wait().const_data_ptr<double>();
  result.loss_sum = numbers[0];
  result.grad_norm = numbers[1];
  const bool finite = !std::isnan(numbers[2]);
  if (finite && loss_scale != nullptr) {
    update();
    loss_scale->count_update();
  }
  if (finite) return;
  result.skipped = loss_scale != nullptr && loss_scale->back_off();
  if (!result.skipped)
    throw Error(ErrorKind::Numeric,
                divergence_text(place, step, result, own_loss_sum.item<double>()));
}

}  // namespace

void drop_gradients(const NamedTensors& parameters) {
  for (const auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
}

std::optional<at::Tensor> accumulate_gradients(const RunConfig& config, const Transformer& model,
                                               const BatchLoader::Step& step,
                                               const PassOptions& pass_options) {
  const HostBatch& batch = step.batch;
  const std::int64_t rows_a_pass =
      std::max<std::int64_t>(1, config.train.micro_batch_tokens / batch.seq_len);
  const c10::Device device = model.parameters().front().tensor.device();
  const DeviceBatch ids(batch, model);
  // Not read here: a GPU still works on the pass before when the next one is handed to it.
  at::Tensor loss_sum = at::zeros({}, at::TensorOptions(device).dtype(at::kDouble));
  StepWeights step_weights = model.step_weights(config.compute_dtype());
  for (std::int64_t first = 0; first < batch.num_sequences; first += rows_a_pass) {
    if (pass_options.should_stop && pass_options.should_stop()) return std::nullopt;
    const PassIds pass = ids.pass(first, std::min(rows_a_pass, batch.num_sequences - first));
    const TrainingRandomness randomness{config.seed, step.step, pass.sequence_ids_B};
    ForwardOptions options;
    options.randomness = &randomness;
    options.band_rows = &pass.band_rows;
    options.compute_dtype = config.compute_dtype();
    options.step_weights = &step_weights;
    options.loss_scale = pass_options.loss_scale;
    options.activation_checkpointing = config.train.activation_checkpointing;
    if (first + rows_a_pass >= batch.num_sequences) {
      step_weights.expect_last_pass();
      if (pass_options.reducer != nullptr) pass_options.reducer->expect_last_pass();
    }
    const auto loss = [&] {
      const TimelineSpan span(pass_options.timeline, "forward");
      return model.loss_sum(model.features(pass.input_ids_BT, options), pass.target_ids_BT,
                            options);
    }();
    const TimelineSpan span(pass_options.timeline, "backward");
    loss.backward(at::full_like(loss, pass_options.loss_scale));
    loss_sum.add_(loss.detach());
  }
  check(step_weights.all_handed_over(), ErrorKind::Internal,
        "the last pass of a step must hand all sums of gradients to the parameters");
  return loss_sum;
}

StepResult run_step(const StepParts& place, const StepInput& input) {
  const auto& [config, model, optimizer, communicator, reducer, loss_scale] = place;
  const BatchLoader::Step& step = input.batch;
  const double scale = loss_scale != nullptr ? loss_scale->scale() : 1.0;
  StepResult result;
  result.lr = learning_rate(config.schedule, step.step - input.skipped);
  if (reducer != nullptr) reducer->begin_step(input.timeline);
  const std::optional<at::Tensor> loss_sum = accumulate_gradients(
      config, model, step, {scale, reducer, input.timeline, input.should_stop});
  result.abandoned = !loss_sum;
  result.num_targets = step.batch.num_targets;
  result.vote = input.vote();
  if (reducer != nullptr) {
    if (loss_sum) result.loss_sum = loss_sum->item<double>();
    const TimelineSpan span(input.timeline, "wait for gradients");
    exchange(place, result);
  }
  if (result.abandoned) {
    drop_gradients(model.parameters());
    return result;
  }
  if (input.before_update) input.before_update();
  const TimelineSpan span(input.timeline, "clip and update");
  clip_and_update(place, step.step, *loss_sum, result);
  drop_gradients(model.parameters());
  return result;
}

}  // namespace longspan
