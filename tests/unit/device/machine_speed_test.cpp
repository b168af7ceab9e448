// The peak that a run is measured by.

#include "longspan/device/machine_speed.h"

#include <chrono>

#include "device/known_peaks.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

TEST_CASE("a GPU's peak is known by its whole name, for the types that it has") {
  CHECK(known_peak("NVIDIA H100 80GB HBM3", at::kBFloat16) == 989.5e12);
  CHECK(known_peak("NVIDIA H100 80GB HBM3", at::kHalf) == 989.5e12);
  CHECK(known_peak("NVIDIA H100 PCIe", at::kBFloat16) == 756.5e12);
  CHECK(known_peak("NVIDIA A100-SXM4-80GB", at::kFloat) == 19.5e12);
  CHECK_FALSE(known_peak("NVIDIA H100 80GB HBM3 MIG 1g.10gb", at::kBFloat16));
  CHECK_FALSE(known_peak("NVIDIA H100 80GB HBM3", at::kDouble));
  CHECK_FALSE(known_peak("NVIDIA L40", at::kBFloat16));
}

TEST_CASE("the peak of a CPU is measured, and soon") {
  const auto begin = std::chrono::steady_clock::now();
  const PeakProducts peak = peak_products(at::kCPU, at::kFloat);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  CHECK(peak.is_measured);
  CHECK(peak.flop_per_second > 1e8);  // a core multiplies and adds in each of 10^9 cycles a second
  CHECK(peak.flop_per_second < 1e15);
  // Two libraries, each until 0.1 s are over, and at least two products of 2e9 FLOP.
  CHECK(seconds.count() < 1.0 + 6.0 * 2.2e9 / peak.flop_per_second);
}

}  // namespace
}  // namespace longspan
