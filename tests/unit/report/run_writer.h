#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"

namespace longspan::testing {

/// Makes folders of runs that no training has been spent on.
struct RunWriter {
  std::filesystem::path folder;
  std::string name = "run";
  std::string method = "alibi";
  std::int64_t train_length = 16;
  std::int64_t seed = 1;

  void config(const std::string& more = "") const {
    make_folder(folder);
    write_file_durably(folder / "config.yaml",
                       concat("name: ", quoted(name), "\nseed: ", seed, "\nposition:\n  kind: ",
                              method, "\ndata:\n  seq_len: ", train_length, "\n", more));
  }

  void environment() const {
    write_json(folder / "environment.json", {{"format", "longspan.environment/1"},
                                             {"host", "node<7>"},
                                             {"parameters", 1234567},
                                             {"command_line", {"longspan", "train", "a b.yaml"}}});
  }

  /// Three rows, the last with a validation, and then `tail` as it is.
  void metrics(const std::string& tail = "") const {
    std::string text;
    for (int step = 10; step <= 30; step += 10) {
      Json row{{"step", step},
               {"tokens", step * 64},
               {"train/loss", 4.0 - 0.05 * step},
               {"perf/tokens_per_second", 1000.0 + step},
               {"perf/step_seconds", 0.5}};
      if (step == 30)
        row.update({{"valid/loss", 2.75}, {"valid/ppl", 15.5}, {"extrapolation/ppl@32", 17.25}});
      text += row.dump() + "\n";
    }
    write_file_durably(folder / "metrics.jsonl", text + tail);
  }

  /// The cell of a length; to be changed by the test.
  Json cell(std::int64_t length, double ppl) const {
    return {{"run", name},
            {"checkpoint_step", 30},
            {"method", method},
            {"train_length", train_length},
            {"length", length},
            {"mode", "nonoverlapping"},
            {"stride", 0},
            {"targets", 777},
            {"targets_hash", "abc123"},
            {"loss_nats", std::log(ppl)},
            {"ppl", ppl},
            {"ppl_stderr", 0.25},
            {"dtype", "float32"},
            {"position_overrides", Json::object()}};
  }

  /// Such a cell with all that newer results have: interval, gain, loss by context, model.
  Json full_cell(std::int64_t length, double ppl) const {
    Json full = cell(length, ppl);
    full["model_hash"] = "model of " + name;
    full["ppl_interval"] = {0.97 * ppl, 1.04 * ppl};
    const double early = 0.0123 * static_cast<double>(seed), longer = -0.25 / ppl;
    if (length > train_length)
      full["gain"] = {{"total_nats", early + longer},
                      {"fewer_early_tokens_nats", early},
                      {"longer_context_nats", longer}};
    else
      full["gain"] = nullptr;
    for (std::int64_t first = 1; first <= length; first *= 2)
      full["loss_by_context"].push_back(
          {{"first", first},
           {"last", 2 * first - 1},
           {"targets", 10 * first},
           {"loss_nats", std::log(ppl) + 1.0 / static_cast<double>(1 + first)}});
    return full;
  }

  /// The row that holds a full_cell() against one of another run.
  Json comparison(const RunWriter& other, std::int64_t length, double difference_nats) const {
    return {{"run", name},
            {"against", other.name},
            {"length", length},
            {"mode", "nonoverlapping"},
            {"difference_nats", difference_nats},
            {"standard_error", 0.0125},
            {"p_value", 0.04},
            {"checkpoint_step", 30},
            {"model_hash", "model of " + name},
            {"targets_hash", "abc123"},
            {"dtype", "float32"},
            {"position_overrides", Json::array()},
            {"against_checkpoint_step", 30},
            {"against_model_hash", "model of " + other.name}};
  }

  std::filesystem::path evaluation(const std::string& split, const std::vector<Json>& cells,
                                   const std::vector<Json>& comparisons = {}) const {
    make_folder(folder / "evaluations");
    const auto path = folder / "evaluations" / (split + ".json");
    Json document{{"format", "longspan.evaluation/1"}, {"cells", cells}};
    if (!comparisons.empty()) document["comparisons"] = comparisons;
    write_json(path, document);
    return path;
  }

 private:
  static std::string quoted(const std::string& text) {
    std::string yaml = "'";
    for (const char c : text) yaml += c == '\'' ? std::string("''") : std::string(1, c);
    return yaml + "'";
  }
};

}  // namespace longspan::testing
