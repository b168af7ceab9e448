// A few tokens, so that a save costs no more time for it, and none of the run's randomness.

#include "train/saved_loss.h"

#include <ATen/Version.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/distributed/placement.h"
#include "longspan/evaluate/evaluate.h"
#include "longspan/run/environment.h"

namespace longspan {
namespace {

constexpr std::int64_t kTokens = 64;
using Environment = std::map<std::string, std::string>;

double measure(const LossInputs& inputs, std::int64_t tokens) {
  const ShardFolder& data = inputs.data;
  EvaluationOptions options;
  options.train_length = inputs.config.data.seq_len;
  options.compute_dtype = inputs.config.compute_dtype();
  options.max_targets = tokens;
  const std::string split = training_splits(inputs.config.data).front();
  const EvaluationText text{data.stream(split), data.counts(split), data.shared_tokenizer(), split};
  const auto scores = score_targets(inputs.model, text, tokens, EvaluationMode{}, options);
  return -std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
}

// The vector instructions that LibTorch takes, and the variables by which a user tells its
// libraries.
std::string instructions() {
  std::string text = at::get_cpu_capability();
  for (const char* name : {"MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA"})
    if (const auto value = process_environment()(name)) text += concat(" ", name, "=", *value);
  return text;
}

Environment environment_of(const LossInputs& inputs) {
  const auto device = inputs.model.parameters().front().tensor.device();
  const Json all = describe_environment({}, device);
  Environment result;
  for (const char* key : {"longspan", "commit", "libtorch", "cuda", "device_name"})
    result[key] = all.at(key).get<std::string>();
  result["device"] = device.is_cpu() ? "cpu" : "cuda";
  result["threads"] = std::to_string(all.at("threads").get<std::int64_t>());
  result["precision"] = name_of(inputs.config.train.precision);
  result["instructions"] = instructions();
  return result;
}

std::string changes(const Environment& before, const Environment& now) {
  std::string text;
  for (const auto& [key, value] : now) {
    const auto found = before.find(key);
    const std::string old = found == before.end() ? "absent" : found->second;
    if (old != value) text += concat(text.empty() ? "" : ", ", key, " ", old, " -> ", value);
  }
  return text;
}

double unit_of(const std::string& precision) {
  if (precision == name_of(Precision::Bf16)) return std::exp2(-8);
  return precision == name_of(Precision::Fp16) ? std::exp2(-11) : 0.0;
}

}  // namespace

std::optional<SavedLoss> loss_to_save(const LossInputs& inputs) {
  if (!inputs.config.checkpoint.check_loss) return std::nullopt;
  const std::int64_t tokens = std::min(kTokens, inputs.config.data.seq_len);
  const double nats = measure(inputs, tokens);
  if (!std::isfinite(nats)) return std::nullopt;
  return SavedLoss{nats, tokens, environment_of(inputs)};
}

void check_saved_loss(const LossInputs& inputs, const SavedLoss& saved,
                      const std::string& checkpoint) {
  const double nats = measure(inputs, saved.tokens);
  const Environment now = environment_of(inputs);
  const std::string changed = changes(saved.environment, now);
  const auto before = saved.environment.find("precision");
  const double unit = std::max(unit_of(now.at("precision")),
                               before == saved.environment.end() ? 0.0 : unit_of(before->second));
  const double allowed = changed.empty() ? 0.0 : loss_tolerance(inputs.model, saved.tokens, unit);
  char loss[32], recorded[32];
  std::snprintf(loss, sizeof loss, "%.17g", nats);
  std::snprintf(recorded, sizeof recorded, "%.17g", saved.nats);
  const std::string place =
      changed.empty() ? "nothing has changed that the bits depend on" : "changed: " + changed;
  check(std::abs(nats - saved.nats) <= allowed, ErrorKind::Checkpoint, checkpoint,
        ": its weights must give the loss that they gave when they were saved, ", recorded,
        " nats a token over ", saved.tokens, " tokens, within ", allowed, " (", place, "), got ",
        loss, "; they were read or are computed with wrongly: resume an older checkpoint with ",
        "--resume PATH or on another machine, or set checkpoint.check_loss to false to go on");
  log::info("the checkpoint's loss is as it was saved",
            {{"loss", loss},
             {"difference", nats - saved.nats},
             {"within", allowed},
             {"environment", changed.empty() ? "the same" : changed}});
}

double loss_tolerance(const Transformer& model, std::int64_t tokens, double unit) {
  const ModelConfig& config = model.config();
  const auto stages = static_cast<double>(6 * config.num_layers + 1);
  const auto terms =
      static_cast<double>(std::max({config.d_model, config.heads_dim(), config.ffn_dim, tokens}));
  const double sums = std::exp2(-24) * std::sqrt(terms), inputs = unit;
  const double of_a_logit = std::log(static_cast<double>(model.vocab_size())) *
                            std::sqrt(stages * (sums * sums + inputs * inputs) / 3.0);
  return 4.0 * std::sqrt(2.0 / static_cast<double>(tokens)) * of_a_logit;
}

}  // namespace longspan
