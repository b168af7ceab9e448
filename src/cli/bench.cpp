// longspan bench CONFIG: what a training step takes, and which of its parts.

#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/memory_advice.h"
#include "cli/number_checks.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/device/device.h"
#include "longspan/device/machine_speed.h"
#include "longspan/device/processor.h"
#include "longspan/plan/plan.h"
#include "longspan/train/benchmark.h"

namespace longspan::cli {
namespace {

struct Arguments {
  std::string config;
  int steps = 10;
  std::optional<std::int64_t> vocab_size;
};

// All that is printed.
struct Result {
  const RunConfig& config;
  c10::Device device;
  int steps;
  Plan plan;
  StepBenchmark step;
  MachineSpeed machine;

  double tokens_per_second() const {
    return static_cast<double>(config.train.batch_tokens) / step.median_seconds;
  }
  double flop_per_second() const { return tokens_per_second() * plan.flop_per_token; }
  double product_speed() const {
    return config.train.precision == Precision::Fp32 ? machine.fp32_flop_per_second
                                                     : machine.bf16_flop_per_second;
  }
  std::string device_text() const {
    return device.is_cpu() ? concat(processor_name(), ", ", at::get_num_threads(),
                                    at::get_num_threads() == 1 ? " thread" : " threads")
                           : device_name(device);
  }
};

Json to_json(const Result& result) {
  Json json{{"name", result.config.name},
            {"device", result.device_text()},
            {"precision", name_of(result.config.train.precision)},
            {"seq_len", result.config.data.seq_len},
            {"vocab_size", result.plan.vocab_size},
            {"parameters", result.plan.parameters},
            {"batch_tokens", result.config.train.batch_tokens},
            {"micro_batch_tokens", result.step.micro_batch_tokens},
            {"steps", result.steps},
            {"step_seconds",
             {{"median", result.step.median_seconds}, {"fastest", result.step.fastest_seconds}}},
            {"tokens_per_second", result.tokens_per_second()},
            {"flop_per_token", result.plan.flop_per_token},
            {"flop_per_second", result.flop_per_second()},
            {"peak_bytes", result.step.peak_bytes},
            {"parts_seconds", Json::object()},
            {"parts_step_seconds", result.step.parts_seconds},
            {"machine",
             {{"fp32_flop_per_second", result.machine.fp32_flop_per_second},
              {"bf16_flop_per_second", result.machine.bf16_flop_per_second},
              {"bytes_per_second", result.machine.bytes_per_second}}}};
  for (const auto& [part, seconds] : result.step.parts) json["parts_seconds"][part] = seconds;
  return json;
}

std::string row(const std::string& name, const std::string& value, const std::string& note = "") {
  return formatted("%-28s %16s%s%s\n", name.c_str(), value.c_str(), note.empty() ? "" : "  ",
                   note.c_str());
}

std::string giga(double value, const char* unit) {
  return formatted("%.0f %s", value * 1e-9, unit);
}
std::string milliseconds(double seconds) { return formatted("%.1f ms", seconds * 1e3); }

std::string text_of(const Result& result) {
  const auto& [config, device, steps, plan, step, machine] = result;
  const double peak = result.product_speed();
  std::string text =
      concat(config.name, " on ", result.device_text(), ", ", name_of(config.train.precision),
             "\n") +
      row("step", milliseconds(step.median_seconds),
          concat("median of ", steps, ", fastest ", milliseconds(step.fastest_seconds), "; ",
                 grouped(config.train.batch_tokens), " tokens in passes of ",
                 grouped(step.micro_batch_tokens))) +
      row("tokens/s", grouped(std::llround(result.tokens_per_second()))) +
      row("FLOP/s", giga(result.flop_per_second(), "GFLOP/s"),
          peak > 0.0 ? formatted("%.0f %% of the machine's products",
                                 100.0 * result.flop_per_second() / peak)
                     : "") +
      row("peak memory", grouped(step.peak_bytes >> 20) + " MiB");
  text += row("parts of a step", milliseconds(step.parts_seconds), "while each is timed");
  for (const auto& [part, seconds] : step.parts)
    text += row("  " + part, milliseconds(seconds),
                formatted("%4.1f %%", 100.0 * seconds / step.parts_seconds));
  text += row("machine, products in fp32", giga(machine.fp32_flop_per_second, "GFLOP/s"));
  text += row("machine, products in bf16", machine.bf16_flop_per_second > 0.0
                                               ? giga(machine.bf16_flop_per_second, "GFLOP/s")
                                               : "none that are fast");
  return text + row("machine, memory", giga(machine.bytes_per_second, "GB/s"));
}

void bench(const Arguments& arguments, const CommonOptions& options) {
  const RunConfig config = read_config(arguments.config, options.overrides);
  const c10::Device device = use_device(options);
  PlanOptions plan_options;
  plan_options.vocab_size = arguments.vocab_size;
  plan_options.device = device.type();
  Plan plan = make_plan(config, plan_options);
  StepBenchmark step;
  with_memory_advice(train_advice(config), [&] {
    step = benchmark_step(config, {plan.vocab_size, arguments.steps, device});
  });
  const Result result{config, device, arguments.steps, plan, step, measure_machine(device)};
  write_result(options.json ? json_line(to_json(result)) : text_of(result));
}

}  // namespace

void add_bench(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "bench",
      "Time a config's training step, and each of its parts, on made-up tokens on one device");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("CONFIG", arguments->config, "Configuration file")->required();
  verb->add_option("--steps", arguments->steps,
                   "Steps to time; some untimed ones come before and after")
      ->capture_default_str()
      ->check(whole_number(1, 1000000));
  verb->add_option("--vocab-size", arguments->vocab_size,
                   "Size of the vocabulary, where no shards are there to count it")
      ->check(whole_number(2, std::int64_t{1} << 30));
  add_common_options(*verb, options);
  verb->callback([arguments, &options] {
    apply(options);
    bench(*arguments, options);
  });
}

}  // namespace longspan::cli
