// longspan plan CONFIG: what a run would be, without training it.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <map>

#include "cli/commands.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/train/run_config.h"

namespace longspan::cli {
namespace {

struct Vocabulary {
  std::int64_t size = 0;
  std::int64_t train_tokens = 0;  // 0: not known before prepare
};

Vocabulary vocabulary_of(const DataConfig& data) {
  if (ShardFolder::exists(data.shards)) {
    const ShardFolder folder = ShardFolder::open(data.shards);
    return {folder.tokenizer().vocab_size(), folder.stream("train").size()};
  }
  if (data.tokenizer.kind == "bytes") return {256, 0};
  if (data.tokenizer.kind == "sentencepiece" && data.tokenizer.train)
    return {data.tokenizer.vocab_size, 0};
  throw Error(ErrorKind::Data,
              concat(data.shards,
                     " must hold shards before a plan can count the vocabulary, it has none; run ",
                     "longspan prepare first"));
}

// "layers.3.attn.q.weight" and its kin are counted together as "layers".
std::string part_of(const std::string& name) { return name.substr(0, name.find('.')); }

// Products of weights in one forward pass of one token: all matrices but embedding tables that are
// only looked up.
double matrix_elements(const Transformer& model) {
  double elements = 0;
  for (const auto& [name, tensor] : model.parameters()) {
    const bool looked_up = name == "embed.weight" && !model.config().embedding.tie;
    if (tensor.dim() == 2 && !looked_up && !name.starts_with("position."))
      elements += static_cast<double>(tensor.numel());
  }
  return elements;
}

Json plan(const RunConfig& config) {
  const Vocabulary vocabulary = vocabulary_of(config.data);
  RunConfig bare = config;
  bare.model.init = "gpt2";
  const Transformer model(bare.model,
                          config.position.make({config.model.d_model, config.model.num_heads,
                                                config.model.head_dim(), config.data.seq_len}),
                          vocabulary.size);
  std::map<std::string, std::int64_t> parts;
  for (const auto& [name, tensor] : model.parameters()) parts[part_of(name)] += tensor.numel();
  const std::int64_t state_copies = config.optimizer.kind == "adamw" ? 2 : 1,
                     parameters = model.num_parameters();
  // Forward 2 FLOP a multiply-add, backward twice that; attention's products count every pair of
  // the block.
  const double flop_per_token =
      3.0 * (2.0 * matrix_elements(model) +
             4.0 *
                 static_cast<double>(config.model.num_layers * config.data.seq_len *
                                     config.model.d_model) /
                 2.0);
  Json result{{"name", config.name},
              {"parameters", parameters},
              {"parameters_by_part", parts},
              {"vocab_size", vocabulary.size},
              {"memory_bytes",
               {{"parameters", 4 * parameters},
                {"gradients", 4 * parameters},
                {"optimizer", 4 * parameters * state_copies}}},
              {"tokens_per_step", config.train.batch_tokens},
              {"flop_per_token", flop_per_token}};
  std::int64_t steps_per_epoch = 0;
  if (vocabulary.train_tokens > 0) {
    const std::int64_t blocks =
        (vocabulary.train_tokens + config.data.seq_len - 1) / config.data.seq_len;
    steps_per_epoch = make_run_plan(config, vocabulary.train_tokens)->steps_per_epoch();
    result["train_tokens"] = vocabulary.train_tokens;
    result["blocks"] = blocks;
    result["steps_per_epoch"] = steps_per_epoch;
  }
  const std::int64_t steps = planned_steps(config.train, steps_per_epoch);
  if (steps > 0 && steps < (std::int64_t{1} << 50)) {
    result["steps"] = steps;
    result["tokens"] = steps * config.train.batch_tokens;
    result["flop"] = flop_per_token * static_cast<double>(steps) *
                     static_cast<double>(config.train.batch_tokens);
  }
  return result;
}

}  // namespace

void add_plan(CLI::App& app, CommonOptions& options) {
  auto* verb = app.add_subcommand(
      "plan", "Check a config and print parameters, memory, steps, tokens and FLOP");
  auto config_path = std::make_shared<std::string>();
  verb->add_option("CONFIG", *config_path, "Configuration file")->required();
  add_common_options(*verb, options);
  verb->callback([config_path, &options] {
    apply(options);
    const Json result =
        plan(read_run_config(config::Document::from_file(*config_path, options.overrides)));
    std::cout << (options.json ? result.dump() : result.dump(2)) << "\n";
  });
}

}  // namespace longspan::cli
