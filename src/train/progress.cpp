// trainer.json: doubles are printed so that they read back to the same bits.

#include "train/progress.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>

#include "longspan/core/error.h"

namespace longspan {
namespace {

// As Python's round(): the decimal nearest to the double's exact value.
double rounded_bits(double nats) {
  char text[512];  // the largest double has 309 digits before the point
  std::snprintf(text, sizeof text, "%.3f", nats / std::numbers::ln2);
  return std::strtod(text, nullptr);
}

}  // namespace

Json RunProgress::to_json() const {
  Json document{{"format", "longspan.trainer/1"},
                {"step", step},
                {"skipped", skipped},
                {"tokens", tokens},
                {"elapsed_seconds", elapsed_seconds},
                {"interval_loss_sum", interval_loss_sum},
                {"interval_targets", interval_targets},
                {"best_value", nullptr},
                {"best_step", best_step},
                {"micro_batch_tokens", micro_batch_tokens},
                {"data_fingerprint", data_fingerprint},
                {"loss_scale", nullptr},
                {"unfinished", nullptr}};
  if (best_value) document["best_value"] = *best_value;
  if (loss_scale)
    document["loss_scale"] = {{"scale", loss_scale->scale}, {"updates", loss_scale->updates}};
  if (unfinished)
    document["unfinished"] = {{"lr", unfinished->lr}, {"grad_norm", unfinished->grad_norm}};
  return document;
}

RunProgress RunProgress::from_json(const Json& document) {
  try {
    RunProgress result;
    document.at("step").get_to(result.step);
    document.at("tokens").get_to(result.tokens);
    document.at("elapsed_seconds").get_to(result.elapsed_seconds);
    document.at("interval_loss_sum").get_to(result.interval_loss_sum);
    document.at("interval_targets").get_to(result.interval_targets);
    if (!document.at("best_value").is_null())
      result.best_value = document.at("best_value").get<double>();
    document.at("best_step").get_to(result.best_step);
    document.at("micro_batch_tokens").get_to(result.micro_batch_tokens);
    document.at("data_fingerprint").get_to(result.data_fingerprint);
    result.skipped = document.value("skipped", result.skipped);  // absent from older checkpoints
    const auto loss_scale = document.find("loss_scale");
    if (loss_scale != document.end() && !loss_scale->is_null())
      result.loss_scale = {loss_scale->at("scale").get<double>(),
                           loss_scale->at("updates").get<std::int64_t>()};
    const auto unfinished = document.find("unfinished");  // absent from older checkpoints
    if (unfinished != document.end() && !unfinished->is_null())
      result.unfinished = {unfinished->at("lr").get<double>(),
                           unfinished->at("grad_norm").get<double>()};
    return result;
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::Checkpoint,
                concat("trainer.json must hold the counters of a run: ", error.what()));
  }
}

bool is_better(double loss, std::optional<double> best, BestRule rule) {
  if (std::isnan(loss)) return false;
  if (!best) return true;
  return rule == BestRule::Fairseq ? rounded_bits(loss) <= rounded_bits(*best) : loss < *best;
}

}  // namespace longspan
