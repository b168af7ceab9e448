// One optimizer step.

#include "train/step.h"

#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/signals.h"
#include "longspan/device/host_copy.h"
#include "longspan/kernels/step_part.h"
#include "train/activation_maxima.h"
#include "train/device_batch.h"
#include "train/divergence.h"
#include "train/pass_sums.h"

namespace longspan {
namespace {

constexpr char kAdvice[] =
    "; resume with a lower schedule.peak_lr, longer warm-up or smaller optimizer.clip_norm";

// Returns GradientNumbers. Collective: where each rank has sums of its own, the squares of their
// norms are added in the order of ranks.
at::Tensor numbers_over_ranks(const StepParts& place, const ClipRule& rule,
                              const at::Tensor& loss_sum) {
  const at::Tensor own_3 = gradient_numbers(place.summed(), rule, loss_sum);
  if (!place.scatters_sums()) return own_3;
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

// Leaves out the update of a step that must not count, or throws.
void obey(const Guard::Verdict& verdict, std::int64_t step, StepResult& result) {
  result.skipped = true;
  result.rolls_back = verdict.action == GuardAction::Rollback;
  if (verdict.action != GuardAction::Stop) return;
  throw Error(ErrorKind::Numeric, concat("training diverged at step ", step + 1, result.trouble,
                                         verdict.reason, kAdvice));
}

// An overflow lowers the loss scale; where that can fall no further, the guard decides. Collective.
void leave_out_non_finite(const StepParts& place, std::int64_t step, double own_loss_sum,
                          StepResult& result) {
  result.skipped = place.loss_scale != nullptr && place.loss_scale->back_off();
  if (result.skipped) return;
  result.trouble = non_finite_text(place, result, own_loss_sum);
  obey(place.guard != nullptr ? place.guard->judge_non_finite() : Guard::Verdict(), step, result);
}

double mean_loss(const StepResult& result) {
  return result.loss_sum / static_cast<double>(result.num_targets);
}

bool is_spike(const StepParts& place, const StepResult& result) {
  const auto highest = place.guard != nullptr ? place.guard->highest_loss() : std::nullopt;
  return highest && mean_loss(result) > *highest;
}

void leave_out_spike(Guard& guard, std::int64_t step, StepResult& result) {
  result.trouble = concat(": the loss ", mean_loss(result), " is above the ", *guard.highest_loss(),
                          " that train.guard allows after the last ",
                          guard.config().spike_window_steps, " updates");
  obey(guard.judge_spike(), step, result);
}

// Clips and updates; where the step must not count, leaves the update out or throws. Collective.
// @param own_loss_sum of this rank, where the model is
void clip_and_update(const StepParts& place, const StepInput& input, const at::Tensor& own_loss_sum,
                     StepResult& result) {
  const std::int64_t step = input.batch.step;
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
  std::vector<LayerNorms> layer_norms;
  const auto update = [&] {
    std::optional<LayerNormMeter> meter;
    if (input.measures_layers) meter.emplace(place.summed(), rule.scale);
    place.optimizer.step(result.lr, numbers_3.select(0, 2));
    if (meter)
      layer_norms = place.scatters_sums() ? meter->finish(place.communicator) : meter->finish();
  };
  // A GPU updates, or finds that it must not, while the host reads the norm and begins the next
  // step. Where an update may be left out the optimizer must not count it, so the host reads first.
  const bool reads_first = loss_scale != nullptr || place.guard != nullptr;
  if (!reads_first) update();
  const double* const numbers = copy.wait().const_data_ptr<double>();
  result.loss_sum = numbers[0];
  result.grad_norm = numbers[1];
  if (std::isnan(numbers[2]))
    return leave_out_non_finite(place, step, own_loss_sum.item<double>(), result);
  if (is_spike(place, result)) return leave_out_spike(*place.guard, step, result);
  if (reads_first) update();
  result.layer_norms = std::move(layer_norms);
  if (loss_scale != nullptr) loss_scale->count_update();
  if (place.guard != nullptr) place.guard->count_update(mean_loss(result));
}

// Computes a step's loss and gradients twice, and nothing is sent to other ranks meanwhile. Returns
// the summed loss, nothing when told to stop.
std::optional<at::Tensor> accumulate_twice(const StepParts& place, const StepInput& input,
                                           const PassOptions& options, std::string& difference) {
  const NamedTensors& parameters = place.model.parameters();
  const auto passes = [&] {
    if (place.reducer != nullptr) place.reducer->begin_step(input.timeline);
    return accumulate_gradients(place.config, place.model, input.batch, options);
  };
  const auto once = passes();
  if (!once) return std::nullopt;
  const PassSums first = copy_sums(parameters, *once);
  drop_gradients(parameters);
  const auto again = passes();
  if (again) difference = first_difference(parameters, first, copy_sums(parameters, *again));
  return again;
}

}  // namespace

bool StepParts::scatters_sums() const { return reducer != nullptr && reducer->scatters_sums(); }

NamedTensors StepParts::summed() const {
  return reducer != nullptr ? reducer->summed() : model.parameters();
}

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
  std::vector<at::Tensor> layer_maxima;
  for (std::int64_t first = 0; first < batch.num_sequences; first += rows_a_pass) {
    if (pass_options.should_stop && pass_options.should_stop()) return std::nullopt;
    const PassIds pass = ids.pass(first, std::min(rows_a_pass, batch.num_sequences - first));
    const TrainingRandomness randomness{config.seed, step.step, pass.sequence_ids_B};
    ForwardOptions options;
    options.randomness = &randomness;
    options.band_rows = &pass.band_rows;
    options.first_seen_BT = pass.first_seen_BT;
    options.compute_dtype = config.compute_dtype();
    options.step_weights = &step_weights;
    options.loss_scale = pass_options.loss_scale;
    options.activation_checkpointing = config.train.activation_checkpointing;
    if (pass_options.layer_maxima != nullptr) options.layer_maxima = &layer_maxima;
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
    if (pass_options.layer_maxima != nullptr)
      raise_to(*pass_options.layer_maxima, std::exchange(layer_maxima, {}));
  }
  check(step_weights.all_handed_over(), ErrorKind::Internal,
        "the last pass of a step must hand all sums of gradients to the parameters");
  return loss_sum;
}

StepResult run_step(const StepParts& place, const StepInput& input) {
  const auto& [config, model, optimizer, communicator, reducer, loss_scale, guard] = place;
  const BatchLoader::Step& step = input.batch;
  PassOptions options{loss_scale != nullptr ? loss_scale->scale() : 1.0, nullptr, input.timeline,
                      input.should_stop};
  StepResult result;
  result.lr = learning_rate(config.schedule, step.step - input.skipped);
  std::string difference;
  std::vector<at::Tensor> layer_maxima;
  if (input.measures_activations) options.layer_maxima = &layer_maxima;
  std::optional<at::Tensor> loss_sum;
  if (input.is_checked) {
    loss_sum = accumulate_twice(place, input, options, difference);
  } else {
    if (reducer != nullptr) reducer->begin_step(input.timeline);
    options.reducer = reducer;
    loss_sum = accumulate_gradients(config, model, step, options);
  }
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
  if (input.is_checked) check_no_difference(communicator, step.step + 1, difference);
  if (input.before_update) input.before_update();
  const TimelineSpan span(input.timeline, "clip and update");
  const StepPart part("longspan::clip and update");
  clip_and_update(place, input, *loss_sum, result);
  if (input.measures_activations && !result.skipped)
    result.activation_max = largest_of_ranks(layer_maxima, config.model.num_layers, communicator);
  drop_gradients(model.parameters());
  return result;
}

}  // namespace longspan
