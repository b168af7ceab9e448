// Whole training runs from the original's own start values with dropout, whose random numbers
// cannot be matched: perplexity at L ... 16 L against the recorded distribution. Takes an hour, so
// it runs only where LONGSPAN_CURVES_DIR names a folder for the runs (scripts/reproduce-curves
// does); runs that are there go on or are used again.

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "golden/original_start.h"
#include "golden/recorded_run.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/files.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using testing::Recording;

// Limits of recordings with one seed a method: of log perplexity, and of the ratio to the trained
// length.
constexpr double kOneSeedLimit = 0.04, kRatioLimit = 0.06, kSinusoidalRatioLimit = 0.15;

std::filesystem::path trained(const Recording& recording, const Json& recorded,
                              const std::filesystem::path& folder) {
  const std::string method = recorded.at("method");
  const std::int64_t seed = recorded.at("seed");
  Json model = recording.manifest.at("model");
  model["method"] = method;
  const std::string name = method + "-seed" + std::to_string(seed), start = name + ".safetensors";
  write_safetensors(folder / start,
                    testing::original_start(model, static_cast<std::uint64_t>(seed)));
  std::string yaml =
      testing::run_yaml(model, recording.manifest.at("training"), seed, "{from: " + start + "}");
  yaml.replace(yaml.find("name: recorded"), 14, "name: " + name);
  const auto config = folder / (name + ".yaml"), run = folder / name;
  std::ofstream(config) << yaml;
  testing::require_done({"train", config.string(), "--run", run.string(), "--quiet"}, folder);
  return run;
}

void check_against_seeds(const Json& summary, std::int64_t length, double log_ppl) {
  const auto& at_length = summary.at("L").at(std::to_string(length));
  const double limit = std::max(5.0 * summary.at("pooled_std_log").get<double>(), 0.015);
  CHECK(std::abs(log_ppl - at_length.at("mean_log").get<double>()) <= limit);
}

void check_against_one(const Json& recorded, std::int64_t length, double log_ppl,
                       double log_ppl_trained, std::int64_t trained_length) {
  const auto at = [&](std::int64_t l) {
    return std::log(recorded.at("perplexity").at(std::to_string(l)).get<double>());
  };
  CHECK(std::abs(log_ppl - at(length)) <= kOneSeedLimit);
  const double limit = recorded.at("method") == "sinusoidal" ? kSinusoidalRatioLimit : kRatioLimit;
  CHECK(std::abs((log_ppl - log_ppl_trained) - (at(length) - at(trained_length))) <=
        std::log1p(limit));
}

TEST_CASE("golden: curves") {
  const char* output = std::getenv("LONGSPAN_CURVES_DIR");
  if (output == nullptr) SKIP("trains for an hour: see scripts/reproduce-curves");
  for (const auto& recording : testing::recordings_of("curves")) {
    const auto folder = std::filesystem::path(output) / recording.name;
    make_folder(folder);
    const auto& text = recording.manifest.at("text");
    if (!testing::write_cut(text.at("train"), folder / "train.txt") ||
        !testing::write_cut(text.at("valid"), folder / "valid.txt"))
      SKIP("the text of " << recording.name << " is not in LONGSPAN_TEXT_DIR");
    const std::vector<std::int64_t> lengths = recording.manifest.at("lengths");
    for (const auto& recorded : recording.manifest.at("runs")) {
      const auto run = trained(recording, recorded, folder);
      double log_ppl_trained = 0.0;
      for (const std::int64_t length : lengths) {
        INFO(recording.name << ", " << run.filename().string() << ", length " << length);
        const double log_ppl = std::log(testing::perplexity_of(run, length, "nonoverlapping"));
        if (length == lengths.front()) log_ppl_trained = log_ppl;
        if (recording.manifest.contains("summary"))
          check_against_seeds(
              recording.manifest.at("summary").at(recorded.at("method").get<std::string>()), length,
              log_ppl);
        else
          check_against_one(recorded, length, log_ppl, log_ppl_trained, lengths.front());
      }
    }
  }
}

}  // namespace
}  // namespace longspan
