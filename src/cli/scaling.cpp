// What longspan plan says of many devices. The defaults are one H100's data sheet, a 200 Gb/s
// network and NCCL's own latencies.

#include "cli/scaling.h"

#include <CLI/CLI.hpp>
#include <array>

#include "cli/choice_check.h"
#include "cli/number_checks.h"
#include "cli/output.h"
#include "longspan/config/choice.h"
#include "longspan/core/error.h"
#include "longspan/evaluate/protocol.h"

namespace longspan::cli {
namespace {

constexpr double kGiga = 1e9, kMicro = 1e-6, kMilli = 1e-3;

std::vector<std::int64_t> numbers_of_devices(const std::string& text) {
  try {
    return parse_lengths(text);
  } catch (const Error&) {
    throw Error(ErrorKind::Config,
                concat("--devices must be like 8,16,32 or 8:1024 (doubling), got ", text));
  }
}

constexpr std::array kAllReduceKinds{config::Choice{"ring", AllReduceKind::Ring},
                                     config::Choice{"hierarchical", AllReduceKind::Hierarchical},
                                     config::Choice{"tree", AllReduceKind::Tree}};

Json to_json(const ScaledStep& step) {
  return {{"devices", step.devices},
          {"batch_tokens", step.batch_tokens},
          {"device_tokens", step.device_tokens},
          {"step_seconds", step.step_seconds()},
          {"compute_seconds", step.compute_seconds},
          {"wait_seconds", step.wait_seconds},
          {"gather_seconds", step.gather_seconds},
          {"tokens_per_second", step.tokens_per_second},
          {"efficiency", step.efficiency}};
}

Json to_json(const std::vector<ScaledStep>& steps) {
  Json rows = Json::array();
  for (const ScaledStep& step : steps) rows.push_back(to_json(step));
  return rows;
}

std::string table_of(const std::vector<ScaledStep>& steps) {
  std::string table = formatted("%8s %13s %13s %11s %11s %14s %10s\n", "devices", "batch tokens",
                                "a device", "step ms", "waits ms", "tokens/s", "efficiency");
  for (const ScaledStep& step : steps)
    table += formatted(
        "%8lld %13lld %13lld %11.2f %11.2f %14.0f %9.1f%%\n", static_cast<long long>(step.devices),
        static_cast<long long>(step.batch_tokens), static_cast<long long>(step.device_tokens),
        step.step_seconds() / kMilli, (step.wait_seconds + step.gather_seconds) / kMilli,
        step.tokens_per_second, 100.0 * step.efficiency);
  return table;
}

}  // namespace

void add_scaling_options(CLI::App& verb, ScalingRequest& request) {
  auto* devices = verb.add_option(
      "--devices", request.devices,
      "Numbers of devices, 8,16,32 or 8:1024 (doubling): model a step on each of them");
  std::vector<CLI::Option*> options{
      verb.add_option("--node-devices", request.node_devices, "Devices of a node")
          ->check(whole_number(1, std::int64_t{1} << 16)),
      verb.add_option("--node-bandwidth", request.node_bandwidth,
                      "GB/s of a device to others of its node, one way; 450: H100 data sheet, V100 "
                      "150, A100 300")
          ->check(positive_number()),
      verb.add_option("--node-latency", request.node_latency,
                      "Microseconds of a step within a node; 3.4: NCCL's src/graph/tuning.cc, "
                      "ring, Simple, NVLink")
          ->check(number_from_zero()),
      verb.add_option("--network-bandwidth", request.network_bandwidth,
                      "GB/s of a node to others, one way; 25: 200 Gb/s")
          ->check(positive_number()),
      verb.add_option(
              "--network-latency", request.network_latency,
              "Microseconds of a step between nodes; 14: the same file, ring, Simple, network")
          ->check(number_from_zero()),
      verb.add_option("--all-reduce", request.all_reduce, "ring, hierarchical or tree")
          ->check(one_of({"ring", "hierarchical", "tree"})),
      verb.add_option("--memory-bandwidth", request.memory_bandwidth,
                      "GB/s of a device's memory, which bounds the update; 3350: H100 data sheet, "
                      "V100 900, A100 2039")
          ->check(positive_number()),
      verb.add_option("--update-seconds", request.update_seconds,
                      "Measured seconds of clipping and update, in place of --memory-bandwidth")
          ->check(number_from_zero()),
      verb.add_option("--backward-share", request.backward_share,
                      "Measured share of backward in a pass; without it, that of its FLOP")
          ->check(fraction()),
      verb.add_option("--send-cost", request.send_cost,
                      "Share of a device's speed that messages take while they travel")
          ->check(fraction())};
  devices->needs("--tokens-per-second");
  for (CLI::Option* option : options)
    option->needs(devices)->capture_default_str()->group("With --devices");
}

ScalingOptions scaling_options(const ScalingRequest& request, double tokens_per_second) {
  return {numbers_of_devices(request.devices),
          {tokens_per_second, request.backward_share, request.update_seconds,
           request.memory_bandwidth * kGiga, request.send_cost},
          {request.node_devices,
           {request.node_bandwidth * kGiga, request.node_latency * kMicro},
           {request.network_bandwidth * kGiga, request.network_latency * kMicro},
           config::value_of(kAllReduceKinds, request.all_reduce)}};
}

Json to_json(const Scaling& scaling) {
  return {{"message_bytes", scaling.message_bytes},
          {"num_buckets", scaling.num_buckets},
          {"sequences", scaling.sequences},
          {"fixed_batch", to_json(scaling.fixed_batch)},
          {"growing_batch", to_json(scaling.growing_batch)}};
}

std::string text_of(const Scaling& scaling) {
  return formatted("\nmodelled, not measured: %.0f MiB of gradients a step in %lld buckets\n",
                   static_cast<double>(scaling.message_bytes) / (1 << 20),
                   static_cast<long long>(scaling.num_buckets)) +
         formatted("the same %lld sequences a step; more devices than that would stand idle\n",
                   static_cast<long long>(scaling.sequences)) +
         table_of(scaling.fixed_batch) + "a batch that grows with the devices\n" +
         table_of(scaling.growing_batch);
}

}  // namespace longspan::cli
