#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "longspan/core/json.h"
#include "longspan/plan/scaling.h"

namespace CLI {
class App;
}

namespace longspan::cli {

/// What a plan is asked about many devices: numbers in the units that users type.
struct ScalingRequest {
  std::string devices;  ///< empty: nothing is asked
  std::int64_t node_devices = 8;
  double node_bandwidth = 450.0;    ///< GB/s
  double node_latency = 3.4;        ///< microseconds
  double network_bandwidth = 25.0;  ///< GB/s
  double network_latency = 14.0;    ///< microseconds
  std::string all_reduce = "hierarchical";
  double memory_bandwidth = 3350.0;  ///< GB/s
  std::optional<double> update_seconds, backward_share;
  double send_cost = 0.0;
};

/// Adds the options to a verb.
void add_scaling_options(CLI::App& verb, ScalingRequest& request);
/// @throws Error(Config) for a list that is none
ScalingOptions scaling_options(const ScalingRequest& request, double tokens_per_second);
Json to_json(const Scaling& scaling);
/// Returns both tables.
std::string text_of(const Scaling& scaling);

}  // namespace longspan::cli
