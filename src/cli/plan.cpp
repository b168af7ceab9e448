// longspan plan CONFIG: what a run would be, without training it.

#include "longspan/plan/plan.h"
#include "cli/number_checks.h"

#include <CLI/CLI.hpp>
#include <cmath>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/output.h"
#include "cli/scaling.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/device/device.h"

namespace longspan::cli {
namespace {

struct Arguments {
  std::string config;
  PlanOptions plan;
  ScalingRequest scaling;
};

Json to_json(const Plan& plan) {
  Json result{{"name", plan.name},
              {"parameters", plan.parameters},
              {"parameters_by_part", Json::object()},
              {"vocab_size", plan.vocab_size},
              {"memory_bytes",
               {{"parameters", plan.memory.parameters},
                {"gradients", plan.memory.gradients},
                {"optimizer", plan.memory.optimizer},
                {"step_weights", plan.memory.step_weights},
                {"activations", plan.memory.activations},
                {"not_at_once", plan.memory.not_at_once},
                {"total", plan.memory.total()},
                {"activations_kept", plan.memory.activations_kept},
                {"activations_checkpointed", plan.memory.activations_checkpointed}}},
              {"micro_batch_tokens", plan.micro_batch_tokens},
              {"tokens_per_step", plan.tokens_per_step},
              {"flop_per_token", plan.flop_per_token}};
  for (const auto& [part, count] : plan.parameters_by_part)
    result["parameters_by_part"][part] = count;
  if (!plan.corpus.empty()) result["counts_of"] = plan.corpus;
  if (plan.train_tokens > 0) result["train_tokens"] = plan.train_tokens;
  if (plan.blocks > 0) {
    result["blocks"] = plan.blocks;
    result["steps_per_epoch"] = plan.steps_per_epoch;
  }
  if (plan.steps > 0) {
    result["steps"] = plan.steps;
    result["tokens"] = plan.tokens;
    result["flop"] = plan.flop;
  }
  if (plan.epochs > 0.0) result["epochs"] = plan.epochs;
  if (plan.device_hours) result["gpu_hours"] = *plan.device_hours;
  return result;
}

std::string mebibytes(std::int64_t bytes) {
  return grouped(std::llround(static_cast<double>(bytes) / (1 << 20))) + " MiB";
}

std::string row(const std::string& name, const std::string& value, const std::string& note = "") {
  return formatted("%-28s %24s%s%s\n", name.c_str(), value.c_str(), note.empty() ? "" : "  ",
                   note.c_str());
}

std::string memory_rows(const Plan& plan, bool checkpointing) {
  const PlannedMemory& memory = plan.memory;
  return row("memory of one device", mebibytes(memory.total()),
             plan.num_ranks > 1 ? concat("of ", plan.num_ranks) : "") +
         row("  parameters", mebibytes(memory.parameters)) +
         row("  gradients", mebibytes(memory.gradients)) +
         row("  optimizer", mebibytes(memory.optimizer)) +
         (memory.step_weights > 0 ? row("  weights of a step", mebibytes(memory.step_weights),
                                        "copies in two bytes, on several ranks sums of gradients")
                                  : "") +
         row("  activations", mebibytes(memory.activations),
             concat("of a pass over ", grouped(plan.micro_batch_tokens), " tokens; ",
                    mebibytes(checkpointing ? memory.activations_kept
                                            : memory.activations_checkpointed),
                    checkpointing ? " without" : " with", " activation checkpointing")) +
         (memory.not_at_once > 0 ? row("  not there at once", "-" + mebibytes(memory.not_at_once),
                                       "in a step of one pass gradients come as activations go")
                                 : "");
}

std::string step_rows(const Plan& plan) {
  std::string rows = row("tokens a step", grouped(plan.tokens_per_step));
  if (plan.train_tokens > 0) rows += row("training tokens", grouped(plan.train_tokens));
  if (plan.blocks > 0)
    rows +=
        row("blocks", grouped(plan.blocks)) + row("steps an epoch", grouped(plan.steps_per_epoch));
  if (plan.steps > 0) rows += row("steps", grouped(plan.steps));
  if (plan.epochs > 0.0) rows += row("epochs", formatted("%.1f", plan.epochs));
  if (plan.steps > 0) rows += row("tokens", grouped(plan.tokens));
  rows += row("FLOP a token", formatted("%.3g", plan.flop_per_token));
  if (plan.steps > 0) rows += row("FLOP", formatted("%.3g", plan.flop));
  if (plan.device_hours) rows += row("GPU-hours", formatted("%.1f", *plan.device_hours));
  return rows;
}

std::string text_of(const Plan& plan, bool checkpointing) {
  std::string text = plan.name + "\n" + row("parameters", grouped(plan.parameters));
  for (const auto& [part, count] : plan.parameters_by_part)
    text += row(concat("  ", part), grouped(count));
  text += row("vocabulary", grouped(plan.vocab_size),
              plan.corpus.empty() ? ""
                                  : concat("published counts of ", plan.corpus,
                                           ", which data.expect names: there are no shards"));
  return text + memory_rows(plan, checkpointing) + step_rows(plan);
}

// A GPU is planned for where none is.
c10::DeviceType planned_device(const std::string& text) {
  return text == "cuda" ? c10::kCUDA : choose_device(text, 0).type();
}

}  // namespace

void add_plan(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "plan",
      "Check a config and print parameters, memory, steps, tokens, FLOP and time; --device cuda "
      "where there is no GPU too");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("CONFIG", arguments->config, "Configuration file")->required();
  verb->add_option("--vocab-size", arguments->plan.vocab_size,
                   "Size of the vocabulary, where no shards are there to count it")
      ->check(whole_number(2, std::int64_t{1} << 30));
  verb->add_option("--train-tokens", arguments->plan.train_tokens,
                   "Tokens of the training text, where no shards are there to count them")
      ->check(whole_number(1, std::int64_t{1} << 50));
  verb->add_option("--tokens-per-second", arguments->plan.tokens_per_second,
                   "Training speed of one device, as measured; gives the GPU-hours")
      ->check(positive_number());
  add_scaling_options(*verb, arguments->scaling);
  add_common_options(*verb, options);
  verb->callback([arguments, &options] {
    apply(options, DeviceUse::Plans);
    const RunConfig config = read_config(arguments->config, options.overrides);
    arguments->plan.device = planned_device(options.device);
    const Plan plan = make_plan(config, arguments->plan);
    std::optional<Scaling> scaling;
    if (!arguments->scaling.devices.empty())
      scaling = plan_scaling(
          config, plan,
          scaling_options(arguments->scaling, arguments->plan.tokens_per_second.value_or(0.0)));
    if (options.json) {
      Json result = to_json(plan);
      if (scaling) result["scaling"] = to_json(*scaling);
      return write_result(json_line(result));
    }
    write_result(text_of(plan, config.train.activation_checkpointing) +
                 (scaling ? text_of(*scaling) : ""));
  });
}

}  // namespace longspan::cli
