// One optimizer step.

#include "train/step.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"

namespace longspan {
namespace {

struct MicroBatch {
  at::Tensor input_ids_BT, target_ids_BT, sequence_ids_B;
};

// Views into the host batch, which outlives the step.
MicroBatch rows_of(const HostBatch& batch, std::int64_t first, std::int64_t count,
                   c10::Device device) {
  const auto view = [&](const std::vector<std::int64_t>& values, std::int64_t width,
                        at::IntArrayRef sizes) {
    auto* data = const_cast<std::int64_t*>(values.data()) +
                 first * width;  // read only; from_blob takes no const
    return at::from_blob(data, sizes, at::kLong).to(device);
  };
  return {view(batch.input_ids, batch.seq_len, {count, batch.seq_len}),
          view(batch.target_ids, batch.seq_len, {count, batch.seq_len}),
          view(batch.sequence_ids, 1, {count})};
}

std::string first_bad_gradient(const NamedTensors& parameters) {
  for (const auto& parameter : parameters)
    if (parameter.tensor.grad().defined() && !parameter.tensor.grad().isfinite().all().item<bool>())
      return "gradient of " + parameter.name;
  for (const auto& parameter : parameters)
    if (!parameter.tensor.isfinite().all().item<bool>()) return "parameter " + parameter.name;
  return "the loss";
}

}  // namespace

void drop_gradients(const NamedTensors& parameters) {
  for (const auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
}

double accumulate_gradients(const RunConfig& config, const Transformer& model,
                            const BatchLoader::Step& step, double loss_scale) {
  const HostBatch& batch = step.batch;
  const std::int64_t rows_a_pass =
      std::max<std::int64_t>(1, config.train.micro_batch_tokens / batch.seq_len);
  const c10::Device device = model.parameters().front().tensor.device();
  double loss_sum = 0.0;
  for (std::int64_t first = 0; first < batch.num_sequences; first += rows_a_pass) {
    const auto rows =
        rows_of(batch, first, std::min(rows_a_pass, batch.num_sequences - first), device);
    const TrainingRandomness randomness{config.seed, step.step, rows.sequence_ids_B};
    ForwardOptions options;
    options.randomness = &randomness;
    options.compute_dtype = config.compute_dtype();
    options.loss_scale = loss_scale;
    options.activation_checkpointing = config.train.activation_checkpointing;
    const auto loss =
        model.loss_sum(model.features(rows.input_ids_BT, options), rows.target_ids_BT, options);
    loss.backward(at::full_like(loss, loss_scale));
    loss_sum += loss.item<double>();
  }
  return loss_sum;
}

StepResult run_step(const RunConfig& config, const Transformer& model, const StepState& state,
                    const BatchLoader::Step& step) {
  LossScale* const loss_scale = state.loss_scale;
  const double scale = loss_scale != nullptr ? loss_scale->scale() : 1.0;
  StepResult result;
  result.lr = learning_rate(config.schedule, step.step - state.skipped);
  result.num_targets = step.batch.num_targets;
  result.loss_sum = accumulate_gradients(config, model, step, scale);
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
        concat("training diverged at step ", step.step + 1,
               " on rank 0: ", first_bad_gradient(model.parameters()), " is not finite (loss ",
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
