// Which blocks a step has is a function of (configuration, step), so nothing need be replayed.

#include "cli/inspect_step.h"

#include <optional>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/json_reader.h"
#include "longspan/run/run.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;

// Of the newest checkpoint; before the first there is the run's own.
RunConfig config_of(const fs::path& run, const std::optional<fs::path>& checkpoint,
                    const std::vector<std::string>& overrides) {
  const fs::path path = checkpoint.value_or(run) / "config.yaml";
  check(fs::exists(path), ErrorKind::Config, run.string(),
        " must be the folder of a run for --step, it has no config.yaml");
  return read_run_config(config::Document::from_file(path, overrides, "."));
}

std::optional<fs::path> newest_checkpoint(const fs::path& run) {
  const auto folders = list_checkpoints(run);
  return folders.empty() ? std::nullopt : std::optional(folders.back());
}

// What the run saw is known only where its shards and its order are still those of today.
void check_same_tokens(const fs::path& run, const fs::path& checkpoint, const RunConfig& config,
                       const ShardFolder& shards) {
  const fs::path path = checkpoint / "trainer.json";
  const JsonReader trainer(read_json(path), path.string());
  const auto trained_on = trainer.text("data_fingerprint");
  check(trained_on == shards.fingerprint(config.data.document_bounds), ErrorKind::Data,
        run.string(), " was trained on other shards than ", config.data.shards, " (", trained_on,
        "), got ", shards.fingerprint(config.data.document_bounds),
        "; name them with --set data.shards=FOLDER");
  const auto version = trainer.integer("data_order_version", {1, 1 << 20}, 1);
  check(version == version_of(config.data.order), ErrorKind::Data, run.string(),
        " was trained in the order ", name_of(config.data.order), " of version ", version,
        ", this program has version ", version_of(config.data.order));
}

void check_step(const fs::path& run, std::int64_t step, const RunConfig& config,
                const BatchPlan& plan) {
  const auto steps = planned_steps(config.train, plan.steps_per_epoch());
  check(step >= 1 && step <= steps.value_or(step), ErrorKind::Config,
        "--step must be a step of the run ", run.string(), ", from 1 ",
        steps ? concat("to ", *steps) : "on", ", got ", step);
}

Json describe_places(const std::vector<TokenPlace>& places) {
  Json list = Json::array();
  for (const auto& place : places)
    list.push_back({{"file", place.file.string()},
                    {"byte", place.offset},
                    {"tokens", place.count},
                    {"bytes_per_token", place.bytes_per_token}});
  return list;
}

std::string text_of(const ShardFolder& shards, const TokenStream& stream, std::int64_t begin,
                    std::int64_t count) {
  std::vector<std::int64_t> read(static_cast<std::size_t>(count));
  stream.copy(begin, count, read.data());
  const std::vector<std::int32_t> ids(read.begin(), read.end());
  return shards.tokenizer().decode(ids);
}

}  // namespace

Json inspect_step(const fs::path& run, std::int64_t step,
                  const std::vector<std::string>& overrides) {
  const auto checkpoint = newest_checkpoint(run);
  const RunConfig config = config_of(run, checkpoint, overrides);
  const ShardFolder shards = ShardFolder::open(config.data.shards);
  if (checkpoint) check_same_tokens(run, *checkpoint, config, shards);
  const TrainingStreams streams = training_streams(config, shards);
  const auto splits = training_splits(config.data);
  const auto plan = make_run_plan(config, streams);
  check_step(run, step, config, *plan);
  const StepSequences sequences = plan->sequences(step - 1);
  const std::int64_t seq_len = config.data.seq_len;
  Json list = Json::array();
  for (std::size_t i = 0; i < sequences.blocks.size(); ++i) {
    const auto [corpus, number, begin, count] =
        place_of_block(streams, seq_len, sequences.blocks[i]);
    const TokenStream& stream = streams[corpus];
    list.push_back({{"sequence", sequences.first_sequence + static_cast<std::int64_t>(i)},
                    {"split", splits[corpus]},
                    {"block", number},
                    {"first_token", begin},
                    {"tokens", count},
                    {"places", describe_places(stream.places(begin, count))},
                    {"text", text_of(shards, stream, begin, count)}});
  }
  return {{"kind", "step"},   {"run", run.string()}, {"step", step},     {"epoch", sequences.epoch},
          {"split", "train"}, {"seq_len", seq_len},  {"sequences", list}};
}

std::string describe_step(const Json& step) {
  const Json& sequences = step.at("sequences");
  std::string text = concat(
      "step ", step.at("step"), " of ", escaped(step.at("run").get<std::string>()), ": ",
      sequences.size(), " sequences of at most ", step.at("seq_len"), " tokens of the split ",
      step.at("split").get<std::string>(), ", epoch ", step.at("epoch"), "\n");
  for (const Json& sequence : sequences) {
    const auto first = sequence.at("first_token").get<std::int64_t>(),
               count = sequence.at("tokens").get<std::int64_t>();
    const auto split = sequence.at("split").get<std::string>();
    text += concat("\nsequence ", sequence.at("sequence"), ": ",
                   split == step.at("split") ? "" : concat(split, ", "), "block ",
                   sequence.at("block"), ", tokens ", first, " .. ", first + count - 1, "\n");
    for (const Json& place : sequence.at("places"))
      text +=
          concat("  ", escaped(place.at("file").get<std::string>()), ", byte ", place.at("byte"),
                 ", ", place.at("tokens"), " tokens of ", place.at("bytes_per_token"), " bytes\n");
    text += concat("  ", escaped(sequence.at("text").get<std::string>()), "\n");
  }
  return text;
}

}  // namespace longspan::cli
