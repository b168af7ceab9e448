// One optimizer step.

#include "train/step.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"

namespace longspan {
namespace {

// The ids of a step, where the model is.
struct DeviceBatch {
  at::Tensor input_ids_BT, target_ids_BT, sequence_ids_B;

  DeviceBatch rows(std::int64_t first, std::int64_t count) const {
    return {input_ids_BT.narrow(0, first, count), target_ids_BT.narrow(0, first, count),
            sequence_ids_B.narrow(0, first, count)};
  }
};

// On the CPU views into the host batch, which outlives the step. A GPU takes all the ids of a step
// at once, from pinned memory, so that the host need not wait for the copy.
DeviceBatch put_on(c10::Device device, const HostBatch& batch) {
  const auto put = [&](const std::vector<std::int64_t>& values, at::IntArrayRef sizes) {
    // Read only; from_blob takes no const.
    const at::Tensor host =
        at::from_blob(const_cast<std::int64_t*>(values.data()), sizes, at::kLong);
    return device.is_cuda() ? host.pin_memory().to(device, /*non_blocking=*/true) : host.to(device);
  };
  return {put(batch.input_ids, {batch.num_sequences, batch.seq_len}),
          put(batch.target_ids, {batch.num_sequences, batch.seq_len}),
          put(batch.sequence_ids, {batch.num_sequences})};
}

std::string first_bad_gradient(const NamedTensors& parameters) {
  for (const auto& parameter : parameters)
    if (parameter.tensor.grad().defined() && !parameter.tensor.grad().isfinite().all().item<bool>())
      return "gradient of " + parameter.name;
  for (const auto& parameter : parameters)
    if (!parameter.tensor.isfinite().all().item<bool>()) return "parameter " + parameter.name;
  return "the loss";
}

// Sums gradients and counts over ranks, and settles what they decide together.
void exchange(const StepPeers& peers, StepResult& result) {
  const bool leads = peers.communicator.leads();
  std::vector<double> totals{
      result.loss_sum, static_cast<double>(result.num_targets), result.vote.interrupted ? 1.0 : 0.0,
      result.vote.terminated ? 1.0 : 0.0, leads ? result.vote.elapsed_seconds : 0.0};
  peers.reducer->finish_step(totals);
  result.loss_sum = totals[0];
  result.num_targets = static_cast<std::int64_t>(totals[1]);
  result.vote = {totals[2] > 0.0, totals[3] > 0.0, totals[4]};
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

void drop_gradients(const NamedTensors& parameters) {
  for (const auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
}

double accumulate_gradients(const RunConfig& config, const Transformer& model,
                            const BatchLoader::Step& step, double loss_scale,
                            const StepPeers* peers) {
  GradientReducer* const reducer = peers == nullptr ? nullptr : peers->reducer;
  Timeline* const timeline = peers == nullptr ? nullptr : peers->timeline;
  const HostBatch& batch = step.batch;
  const std::int64_t rows_a_pass =
      std::max<std::int64_t>(1, config.train.micro_batch_tokens / batch.seq_len);
  const c10::Device device = model.parameters().front().tensor.device();
  const DeviceBatch ids = put_on(device, batch);
  // Read once at the end: a GPU still works on the pass before when the next one is handed to it.
  at::Tensor loss_sum = at::zeros({}, ids.input_ids_BT.options().dtype(at::kDouble));
  for (std::int64_t first = 0; first < batch.num_sequences; first += rows_a_pass) {
    const DeviceBatch rows = ids.rows(first, std::min(rows_a_pass, batch.num_sequences - first));
    const TrainingRandomness randomness{config.seed, step.step, rows.sequence_ids_B};
    ForwardOptions options;
    options.randomness = &randomness;
    options.compute_dtype = config.compute_dtype();
    options.loss_scale = loss_scale;
    options.activation_checkpointing = config.train.activation_checkpointing;
    if (reducer != nullptr && first + rows_a_pass >= batch.num_sequences)
      reducer->expect_last_pass();
    const auto loss = [&] {
      const TimelineSpan span(timeline, "forward");
      return model.loss_sum(model.features(rows.input_ids_BT, options), rows.target_ids_BT,
                            options);
    }();
    const TimelineSpan span(timeline, "backward");
    loss.backward(at::full_like(loss, loss_scale));
    loss_sum.add_(loss.detach());
  }
  return loss_sum.item<double>();
}

StepResult run_step(const RunConfig& config, const Transformer& model, const StepState& state,
                    const BatchLoader::Step& step, const StepPeers& peers,
                    const std::function<StepVote()>& vote) {
  LossScale* const loss_scale = state.loss_scale;
  const double scale = loss_scale != nullptr ? loss_scale->scale() : 1.0;
  StepResult result;
  result.lr = learning_rate(config.schedule, step.step - state.skipped);
  if (peers.reducer != nullptr) peers.reducer->begin_step(peers.timeline);
  const double own_loss_sum = accumulate_gradients(config, model, step, scale, &peers);
  result.loss_sum = own_loss_sum;
  result.num_targets = step.batch.num_targets;
  result.vote = vote();
  if (peers.reducer != nullptr) {
    const TimelineSpan span(peers.timeline, "wait for gradients");
    exchange(peers, result);
  }
  const TimelineSpan span(peers.timeline, "clip and update");
  const double per_target = 1.0 / static_cast<double>(result.num_targets);
  result.grad_norm = gradient_norm(model.parameters(), per_target / scale);
  const bool finite = std::isfinite(result.loss_sum) && std::isfinite(result.grad_norm);
  if (!finite && loss_scale != nullptr && loss_scale->back_off()) {
    result.skipped = true;
    drop_gradients(model.parameters());
    return result;
  }
  if (!finite)
    throw Error(
        ErrorKind::Numeric,
        concat("training diverged at step ", step.step + 1, " on ",
               std::isfinite(result.loss_sum) ? "all ranks"
                                              : bad_ranks(peers.communicator, own_loss_sum),
               ": ", first_bad_gradient(model.parameters()), " is not finite (loss ",
               result.loss_sum * per_target, ", gradient norm ", result.grad_norm,
               loss_scale != nullptr ? concat(", loss scale ", scale, ", which must stay above ",
                                              config.train.loss_scale.min)
                                     : "",
               "); the last checkpoint stands: resume with a lower schedule.peak_lr, longer "
               "warm-up or smaller optimizer.clip_norm"));
  const double clip = loss_scale != nullptr
                          ? clip_factor(result.grad_norm, config.optimizer.clip_norm, 0.0)
                          : clip_factor(result.grad_norm, config.optimizer.clip_norm);
  scale_gradients(model.parameters(), per_target / scale * clip);
  state.optimizer.step(result.lr);
  if (loss_scale != nullptr) loss_scale->count_update();
  drop_gradients(model.parameters());
  return result;
}

}  // namespace longspan
