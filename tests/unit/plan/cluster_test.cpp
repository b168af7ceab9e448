// Collectives in the alpha-beta model against the formulas' terms, counted by hand.

#include "longspan/plan/cluster.h"

#include <limits>

#include "longspan/core/error.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr auto kKinds = {AllReduceKind::Ring, AllReduceKind::Hierarchical, AllReduceKind::Tree};

// Powers of two, so that every sum is exact.
Cluster cluster_of(AllReduceKind kind) { return {8, {512.0, 1.0}, {32.0, 16.0}, kind}; }

TEST_CASE("an all-reduce on one node is the ring, whatever its kind") {
  for (const AllReduceKind kind : kKinds) {
    const Cluster cluster = cluster_of(kind);
    CHECK(all_reduce_seconds(cluster, 1, 4096.0) == 0.0);
    CHECK(all_reduce_seconds(cluster, 2, 4096.0) == 2 * 1.0 + 4096.0 / 512.0);
    CHECK(all_reduce_seconds(cluster, 8, 4096.0) == 14 * 1.0 + 2 * 7 * 512.0 / 512.0);
    CHECK(all_gather_seconds(cluster, 8, 512.0) == 7 * 1.0 + 7 * 512.0 / 512.0);
  }
}

TEST_CASE("an all-reduce over four nodes of eight") {
  constexpr double kBytes = 4096.0;
  // 62 steps, 6 of them between nodes; 31 / 32 of the bytes twice through the slower link.
  CHECK(all_reduce_seconds(cluster_of(AllReduceKind::Ring), 32, kBytes) ==
        56 * 1.0 + 6 * 16.0 + 2 * 31 * 128.0 / 32.0);
  CHECK(all_reduce_seconds(cluster_of(AllReduceKind::Hierarchical), 32, kBytes) ==
        14 * 1.0 + 2 * 7 * 512.0 / 512.0 + 6 * 16.0 + 2 * 3 * 1024.0 / 32.0);
  CHECK(all_reduce_seconds(cluster_of(AllReduceKind::Tree), 32, kBytes) ==
        14 * 1.0 + 2 * 2 * 16.0 + 2 * 3 * 1024.0 / 32.0);
  CHECK(all_gather_seconds(cluster_of(AllReduceKind::Ring), 32, 128.0) ==
        28 * 1.0 + 3 * 16.0 + 31 * 128.0 / 32.0);
  CHECK(all_gather_seconds(cluster_of(AllReduceKind::Hierarchical), 32, 128.0) ==
        3 * 16.0 + 3 * 1024.0 / 32.0 + 7 * 1.0 + 7 * 512.0 / 512.0);
}

TEST_CASE("without latency and with endless bandwidth nothing takes time") {
  for (const AllReduceKind kind : kKinds) {
    constexpr double kEndless = std::numeric_limits<double>::infinity();
    const Cluster cluster{8, {kEndless, 0.0}, {kEndless, 0.0}, kind};
    for (const std::int64_t devices : {2, 8, 16, 1024}) {
      CHECK(all_reduce_seconds(cluster, devices, 1e12) == 0.0);
      CHECK(all_gather_seconds(cluster, devices, 1e12) == 0.0);
    }
  }
}

TEST_CASE("an all-reduce takes longer over more devices, least over most nodes by trees") {
  for (const AllReduceKind kind : kKinds) {
    double before = 0.0;
    for (std::int64_t devices = 2; devices <= 1024; devices *= 2) {
      const double seconds = all_reduce_seconds(cluster_of(kind), devices, 4096.0);
      CHECK(seconds > before);
      before = seconds;
    }
  }
  CHECK(all_reduce_seconds(cluster_of(AllReduceKind::Tree), 1024, 4096.0) <
        all_reduce_seconds(cluster_of(AllReduceKind::Hierarchical), 1024, 4096.0));
  CHECK(all_reduce_seconds(cluster_of(AllReduceKind::Hierarchical), 1024, 4096.0) <
        all_reduce_seconds(cluster_of(AllReduceKind::Ring), 1024, 4096.0));
}

TEST_CASE("devices fill whole nodes, or one in part") {
  const Cluster cluster = cluster_of(AllReduceKind::Ring);
  for (const std::int64_t devices : {1, 3, 8, 24}) check_devices(cluster, devices);
  for (const std::int64_t devices : {0, 9, 20}) {
    try {
      check_devices(cluster, devices);
      FAIL("no error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Config);
      CHECK_THAT(error.what(), ContainsSubstring(concat("got ", devices)));
    }
  }
}

}  // namespace
}  // namespace longspan
