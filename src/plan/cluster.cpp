// Collectives in the alpha-beta model: steps x latency + bytes / bandwidth.

#include "longspan/plan/cluster.h"

#include <algorithm>
#include <bit>

#include "longspan/core/error.h"

namespace longspan {
namespace {

// The devices of a job as the formulas count them.
struct Layout {
  double devices = 1.0, on_node = 1.0, nodes = 1.0;
  double levels = 0.0;  // of a binary tree over nodes
};

Layout layout_of(const Cluster& cluster, std::int64_t devices) {
  check_devices(cluster, devices);
  const std::int64_t on_node = std::min(devices, cluster.node_devices), nodes = devices / on_node;
  return {static_cast<double>(devices), static_cast<double>(on_node), static_cast<double>(nodes),
          static_cast<double>(std::bit_width(static_cast<std::uint64_t>(nodes - 1)))};
}

double seconds_of(const Link& link, double steps, double bytes) {
  return steps * link.latency_seconds + bytes / link.bytes_per_second;
}

// Once around, each device passing on a p-th of `bytes` at each of its p - 1 steps.
double half_ring_seconds(const Link& link, double devices, double bytes) {
  return seconds_of(link, devices - 1.0, (devices - 1.0) / devices * bytes);
}

double slowest(const Cluster& cluster) {
  return std::min(cluster.node.bytes_per_second, cluster.network.bytes_per_second);
}

// Once around all devices, whatever node they are on.
double flat_half_ring_seconds(const Cluster& cluster, const Layout& layout, double bytes) {
  return (layout.devices - layout.nodes) * cluster.node.latency_seconds +
         (layout.nodes - 1.0) * cluster.network.latency_seconds +
         (layout.devices - 1.0) / layout.devices * bytes / slowest(cluster);
}

// What travels in a node and between nodes does so at once.
double tree_seconds(const Cluster& cluster, const Layout& layout, double bytes) {
  const auto twice_all_but_one = [&](double parts) { return 2.0 * (parts - 1.0) / parts * bytes; };
  return 2.0 * (layout.on_node - 1.0) * cluster.node.latency_seconds +
         2.0 * layout.levels * cluster.network.latency_seconds +
         std::max(twice_all_but_one(layout.on_node) / cluster.node.bytes_per_second,
                  twice_all_but_one(layout.nodes) / cluster.network.bytes_per_second);
}

}  // namespace

void check_devices(const Cluster& cluster, std::int64_t devices) {
  check(devices >= 1 && (devices <= cluster.node_devices || devices % cluster.node_devices == 0),
        ErrorKind::Config, "the number of devices must be at most the ", cluster.node_devices,
        " of a node, or a multiple of it, got ", devices);
}

double all_reduce_seconds(const Cluster& cluster, std::int64_t devices, double bytes) {
  const Layout layout = layout_of(cluster, devices);
  if (layout.nodes == 1.0) return 2.0 * half_ring_seconds(cluster.node, layout.devices, bytes);
  if (cluster.all_reduce == AllReduceKind::Ring)
    return 2.0 * flat_half_ring_seconds(cluster, layout, bytes);
  if (cluster.all_reduce == AllReduceKind::Tree) return tree_seconds(cluster, layout, bytes);
  return 2.0 * (half_ring_seconds(cluster.node, layout.on_node, bytes) +
                half_ring_seconds(cluster.network, layout.nodes, bytes));
}

double all_gather_seconds(const Cluster& cluster, std::int64_t devices, double bytes) {
  const Layout layout = layout_of(cluster, devices);
  const double all = layout.devices * bytes;
  if (layout.nodes == 1.0) return half_ring_seconds(cluster.node, layout.devices, all);
  if (cluster.all_reduce == AllReduceKind::Ring)
    return flat_half_ring_seconds(cluster, layout, all);
  return half_ring_seconds(cluster.network, layout.nodes, all) +
         half_ring_seconds(cluster.node, layout.on_node, all);
}

}  // namespace longspan
