#pragma once

#include <cstdint>

namespace longspan {

/// A link in the alpha-beta model (Hockney, "The communication challenge for MPP", Parallel
/// Computing 20, 1994): n bytes take latency_seconds + n / bytes_per_second, each way at once.
struct Link {
  double bytes_per_second = 0.0;
  double latency_seconds = 0.0;
};

/// How an all-reduce goes over p devices, g a node on n = p / g nodes, S bytes on each device.
/// Ring: reduce-scatter and all-gather around one ring of all devices (Thakur, Rabenseifner and
/// Gropp, "Optimization of Collective Communication Operations in MPICH", IJHPCA 19, 2005, section
/// 4.5), of whose 2 (p - 1) steps 2 (n - 1) cross nodes, as NCCL's src/graph/tuning.cc counts them:
///   2 (p - n) a_node + 2 (n - 1) a_network + 2 (p - 1) / p S / min(B_node, B_network)
/// Hierarchical: a reduce-scatter in each node, all-reduces of the g shares between nodes, which
/// divide a node's network among them, an all-gather in each node; rings all three:
///   2 (g - 1) a_node + 2 (g - 1) / g S / B_node + 2 (n - 1) a_network + 2 (n - 1) / n S /
///   B_network
/// Tree: NCCL's pipelined double binary tree over nodes (Sanders, Speck and Traff, "Two-tree
/// algorithms", Parallel Computing 35, 2009), a chain in each node; each of its 2 (n - 1) hops up
/// and down carries S, in equal parts out of the n nodes:
///   2 (g - 1) a_node + 2 ceil(log2 n) a_network
///     + max(2 (g - 1) / g S / B_node, 2 (n - 1) / n S / B_network)
/// All three are the same ring on one node. The sums themselves are part of the bandwidths.
enum class AllReduceKind { Ring, Hierarchical, Tree };

/// The devices of a job and what lies between them.
struct Cluster {
  std::int64_t node_devices = 8;
  Link node;     ///< of a device to its neighbours
  Link network;  ///< of a whole node
  AllReduceKind all_reduce = AllReduceKind::Hierarchical;
};

/// Checks that a number of devices is one node's part, or whole nodes. @throws Error(Config)
void check_devices(const Cluster& cluster, std::int64_t devices);
/// Returns the seconds of an all-reduce of `bytes` on each device; 0 for one device.
double all_reduce_seconds(const Cluster& cluster, std::int64_t devices, double bytes);
/// Returns the seconds of an all-gather to which each device gives `bytes`: a ring, or
/// (hierarchical and tree, where NCCL's trees do not gather) between nodes and then in each node.
double all_gather_seconds(const Cluster& cluster, std::int64_t devices, double bytes);

}  // namespace longspan
