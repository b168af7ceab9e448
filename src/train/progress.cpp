// trainer.json: doubles are printed so that they read back to the same bits.

#include "train/progress.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>

#include "longspan/core/error.h"
#include "longspan/core/json_reader.h"

namespace longspan {
namespace {

// As Python's round(): the decimal nearest to the double's exact value.
double rounded_bits(double nats) {
  char text[512];  // the largest double has 309 digits before the point
  std::snprintf(text, sizeof text, "%.3f", nats / std::numbers::ln2);
  return std::strtod(text, nullptr);
}

constexpr JsonIntegerRange kCounts{0, std::int64_t{1} << 50};

SavedLoss read_saved_loss(const JsonReader& document) {
  SavedLoss result{document.number("nats"), document.integer("tokens", {1, 1 << 24}), {}};
  const JsonReader environment = document.section("environment");
  for (const auto& key : environment.keys()) result.environment[key] = environment.text(key);
  return result;
}

std::vector<LayerNorms> read_layer_norms(const JsonReader& document) {
  std::vector<LayerNorms> result;
  for (const auto& layer : document.keys()) {
    const std::vector<double> norms = document.numbers(layer);
    if (norms.size() != 3) document.refuse(layer, "a list of 3 numbers");
    result.push_back({layer, norms[0], norms[1], norms[2]});
  }
  return result;
}

RunProgress read_progress(const JsonReader& document) {
  RunProgress result;
  result.step = document.integer("step", kCounts);
  result.skipped = document.integer("skipped", kCounts, 0);  // absent from older checkpoints
  result.tokens = document.integer("tokens", kCounts);
  result.elapsed_seconds = document.number("elapsed_seconds");
  result.interval_loss_sum = document.number("interval_loss_sum");
  result.interval_targets = document.integer("interval_targets", kCounts);
  if (document.has("best_value")) result.best_value = document.number("best_value");
  result.best_step = document.integer("best_step", kCounts);
  result.micro_batch_tokens = document.integer("micro_batch_tokens", kCounts);
  result.data_fingerprint = document.text("data_fingerprint");
  result.data_order_version = document.integer("data_order_version", {1, 1 << 20}, 1);  // as above
  if (document.has("loss_scale")) {
    const JsonReader scale = document.section("loss_scale");
    result.loss_scale = {scale.number("scale"), scale.integer("updates", kCounts)};
  }
  if (document.has("guard")) {
    const JsonReader guard = document.section("guard");
    result.guard = {guard.integer("skips_in_a_row", kCounts), guard.numbers("losses"),
                    guard.integer("rollbacks", kCounts)};
  }
  if (document.has("saved_loss"))
    result.saved_loss = read_saved_loss(document.section("saved_loss"));
  if (document.has("unfinished")) {  // absent from older checkpoints
    const JsonReader unfinished = document.section("unfinished");
    result.unfinished = {unfinished.number("lr"), unfinished.number("grad_norm"),
                         read_layer_norms(unfinished.section("layer_norms")),
                         unfinished.has("activation_max") ? unfinished.numbers("activation_max")
                                                          : std::vector<double>{}};
  }
  return result;
}

Json to_json_norms(const std::vector<LayerNorms>& layers) {
  if (layers.empty()) return nullptr;
  Json result = Json::object();
  for (const auto& [layer, gradient, weight, update] : layers)
    result[layer] = {gradient, weight, update};
  return result;
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
                {"data_order_version", data_order_version},
                {"loss_scale", nullptr},
                {"guard", nullptr},
                {"saved_loss", nullptr},
                {"unfinished", nullptr}};
  if (best_value) document["best_value"] = *best_value;
  if (loss_scale)
    document["loss_scale"] = {{"scale", loss_scale->scale}, {"updates", loss_scale->updates}};
  if (guard)
    document["guard"] = {{"skips_in_a_row", guard->skips_in_a_row},
                         {"losses", guard->losses},
                         {"rollbacks", guard->rollbacks}};
  if (saved_loss)
    document["saved_loss"] = {{"nats", saved_loss->nats},
                              {"tokens", saved_loss->tokens},
                              {"environment", saved_loss->environment}};
  if (unfinished)
    document["unfinished"] = {{"lr", unfinished->lr},
                              {"grad_norm", unfinished->grad_norm},
                              {"layer_norms", to_json_norms(unfinished->layer_norms)}};
  if (unfinished && !unfinished->activation_max.empty())
    document["unfinished"]["activation_max"] = unfinished->activation_max;
  return document;
}

RunProgress RunProgress::from_json(const Json& document) {
  try {
    return read_progress(JsonReader(document, "trainer.json"));
  } catch (const Error& error) {
    throw Error(ErrorKind::Checkpoint, error.what());
  }
}

bool is_better(double loss, std::optional<double> best, BestRule rule) {
  if (std::isnan(loss)) return false;
  if (!best) return true;
  return rule == BestRule::Fairseq ? rounded_bits(loss) <= rounded_bits(*best) : loss < *best;
}

}  // namespace longspan
