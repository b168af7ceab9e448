// What a run would be.

#include "longspan/plan/plan.h"

#include <algorithm>
#include <cmath>

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/data/expected_size.h"
#include "plan/memory.h"
#include "plan/parameter_costs.h"

namespace longspan {
namespace {

constexpr double kSecondsAnHour = 3600.0;

struct TextSize {
  std::int64_t vocab_size = 0;
  std::int64_t train_tokens = 0;
  std::string corpus = {};
};

std::int64_t vocab_size_without_shards(const DataConfig& data) {
  if (data.tokenizer.kind == TokenizerKind::Bytes) return 256;
  if (data.tokenizer.kind == TokenizerKind::Ids) return data.tokenizer.vocab_size;
  if (data.tokenizer.kind == TokenizerKind::SentencePiece && data.tokenizer.train)
    return data.tokenizer.vocab_size;
  throw Error(
      ErrorKind::Data,
      concat(
          data.shards,
          " must hold shards for a plan to count the vocabulary, it has none; run "
          "longspan prepare first, or give --vocab-size and --train-tokens, or data.expect where "
          "the text is a published corpus in words"));
}

TextSize size_of_text(const DataConfig& data, const PlanOptions& options) {
  TextSize size{options.vocab_size.value_or(0), options.train_tokens.value_or(0)};
  if ((size.vocab_size == 0 || size.train_tokens == 0) && ShardFolder::exists(data.shards)) {
    const ShardFolder shards = ShardFolder::open(data.shards);
    if (size.vocab_size == 0) size.vocab_size = shards.tokenizer().vocab_size();
    if (size.train_tokens == 0)
      for (const std::string& split : training_splits(data))
        size.train_tokens += shards.stream(split).size();
  }
  if (size.train_tokens == 0 && data.train.tokens)
    size.train_tokens = count_tokens(*data.train.tokens);
  if (const auto expected = expected_size(data);
      expected && (size.vocab_size == 0 || size.train_tokens == 0)) {
    size.corpus = expected->corpus;
    if (size.vocab_size == 0) size.vocab_size = expected->vocab_size;
    if (size.train_tokens == 0) size.train_tokens = expected->train_tokens;
  }
  if (size.vocab_size == 0) size.vocab_size = vocab_size_without_shards(data);
  return size;
}

// "layers.0.attn.q.weight" is of the part "attention".
std::string part_of(const std::string& name) {
  if (name.find("norm.") != std::string::npos) return "norms";
  if (name.starts_with("layers."))
    return name.find(".attn.") != std::string::npos ? "attention" : "feed_forward";
  const std::string first = name.substr(0, name.find('.'));
  return first == "embed" ? "embedding" : first;
}

void count_parameters(const RunConfig& config, Plan& plan) {
  const std::vector<ParameterCost> costs = parameter_costs(config, plan.vocab_size);
  plan.flop_per_token = flop_of(costs);
  for (const ParameterCost& cost : costs) {
    const std::string part = part_of(cost.name);
    auto found = std::ranges::find(plan.parameters_by_part, part,
                                   [](const auto& each) { return each.first; });
    if (found == plan.parameters_by_part.end())
      found = plan.parameters_by_part.insert(found, {part, 0});
    found->second += cost.elements;
    plan.parameters += cost.elements;
  }
}

void plan_steps(const RunConfig& config, const PlanOptions& options, Plan& plan) {
  plan.tokens_per_step = config.train.batch_tokens;
  // How many blocks documents give is known once they are prepared.
  if (plan.train_tokens > 0 && config.data.document_bounds != DocumentBounds::Blocks) {
    plan.blocks = ceil_divide(plan.train_tokens, config.data.seq_len);
    plan.steps_per_epoch = make_run_plan(config, plan.train_tokens)->steps_per_epoch();
  }
  const auto steps = planned_steps(
      config.train, plan.steps_per_epoch > 0 ? std::optional(plan.steps_per_epoch) : std::nullopt);
  if (!steps) return;
  plan.steps = *steps;
  plan.tokens = plan.steps * plan.tokens_per_step;
  plan.flop = plan.flop_per_token * static_cast<double>(plan.tokens);
  if (plan.steps_per_epoch > 0)
    plan.epochs = static_cast<double>(plan.steps) / static_cast<double>(plan.steps_per_epoch);
  if (options.tokens_per_second)
    plan.device_hours =
        static_cast<double>(plan.tokens) / *options.tokens_per_second / kSecondsAnHour;
}

}  // namespace

Plan make_plan(const RunConfig& config, const PlanOptions& options) {
  const TextSize text = size_of_text(config.data, options);
  Plan plan;
  plan.name = config.name;
  plan.vocab_size = text.vocab_size;
  plan.train_tokens = text.train_tokens;
  plan.corpus = text.corpus;
  plan.micro_batch_tokens =
      config.train.micro_batch_tokens > 0 ? config.train.micro_batch_tokens : config.data.seq_len;
  count_parameters(config, plan);
  plan.num_ranks = config.distributed.processes.value_or(1);
  plan.memory = plan_memory(config, plan, options.device, plan.num_ranks);
  plan_steps(config, options, plan);
  return plan;
}

double flop_per_token(const RunConfig& config, std::int64_t vocab_size) {
  return flop_of(parameter_costs(config, vocab_size));
}

}  // namespace longspan
