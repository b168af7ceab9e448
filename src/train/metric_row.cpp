// What is kept and what is shown of a logged step.

#include "train/metric_row.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "longspan/core/error.h"
#include "longspan/core/progress.h"

namespace longspan {
namespace {

// The first length's numbers have names without one.
std::vector<std::pair<std::string, double>> named(const Validation& validation) {
  std::vector<std::pair<std::string, double>> result;
  for (const auto& score : validation.scores) {
    const std::string suffix =
        score.length == validation.scores.front().length ? "" : concat("@", score.length);
    result.emplace_back("valid/loss" + suffix, score.loss_nats);
    result.emplace_back("valid/ppl" + suffix, score.ppl);
  }
  for (const auto& score : validation.extrapolation)
    result.emplace_back(concat("extrapolation/ppl@", score.length), score.ppl);
  return result;
}

double seconds_left(const MetricRow& row, const Remaining& remaining) {
  const double by_steps =
      remaining.total_steps
          ? static_cast<double>(*remaining.total_steps - row.step) * row.step_seconds
          : remaining.seconds.value_or(0.0);
  return std::min(by_steps, remaining.seconds.value_or(by_steps));
}

}  // namespace

Json to_json(const MetricRow& row) {
  Json json{
      {"step", row.step},
      {"tokens", row.tokens},
      {"epoch", row.epoch},
      {"time",
       std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count()},
      {"train/loss", row.loss},
      {"train/ppl", std::exp(row.loss)},
      {"train/lr", row.lr},
      {"train/grad_norm", row.grad_norm},
      {"perf/tokens_per_second", row.tokens_per_second},
      {"perf/step_seconds", row.step_seconds},
      {"perf/data_wait_fraction", row.data_wait_fraction},
      {"memory/peak_bytes", row.peak_bytes}};
  if (row.mfu) json["perf/mfu"] = *row.mfu;
  if (row.loss_scale) json["train/loss_scale"] = *row.loss_scale;
  if (row.skipped) json["train/skipped"] = *row.skipped;
  if (row.rollbacks) json["train/rollbacks"] = *row.rollbacks;
  for (const auto& [name, progress] : row.corpora) {
    json[concat("data/", name, "/epoch")] = progress.epoch;
    json[concat("data/", name, "/tokens")] = progress.tokens;
  }
  for (const auto& [layer, gradient, weight, update] : row.layer_norms) {
    json["grad_norm/" + layer] = gradient;
    json["weight_norm/" + layer] = weight;
    json["update_norm/" + layer] = update;
  }
  for (std::size_t i = 0; i < row.activation_max.size(); ++i)
    json[concat("activation_max/layers.", i)] = row.activation_max[i];
  if (row.validation)
    for (const auto& [name, value] : named(*row.validation)) json[name] = value;
  return json;
}

std::string progress_line(const MetricRow& row, const Remaining& remaining) {
  char numbers[160];
  std::snprintf(numbers, sizeof numbers,
                "loss %.4f | lr %.3e | grad_norm %.3f | %.0f tokens/s | %.2f GiB", row.loss, row.lr,
                row.grad_norm, row.tokens_per_second,
                static_cast<double>(row.peak_bytes) / (1 << 30));
  char mfu[32] = "";
  if (row.mfu) std::snprintf(mfu, sizeof mfu, " | MFU %.1f %%", 100.0 * *row.mfu);
  return concat("step ", row.step, remaining.total_steps ? concat("/", *remaining.total_steps) : "",
                " | ", numbers, mfu, " | ", clock_text(seconds_left(row, remaining)), " left");
}

std::string text_of(const Validation& validation) {
  std::string text;
  char value[64];
  for (const auto& [name, number] : named(validation)) {
    std::snprintf(value, sizeof value, "=%.4f ", number);
    text += name + value;
  }
  return text;
}

}  // namespace longspan
