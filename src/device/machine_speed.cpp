#include "longspan/device/machine_speed.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/rand.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>

#include "device/known_peaks.h"
#include "longspan/device/device.h"
#include "longspan/device/processor.h"
#include "longspan/device/wait.h"

namespace longspan {
namespace {

using std::chrono::steady_clock;

constexpr int kRounds = 5;

// How large the matrices are, and after how many seconds no round begins.
struct Effort {
  std::int64_t cpu_size = 2048;
  double seconds = std::numeric_limits<double>::max();
};
constexpr Effort kQuick{1024, 0.1};

// Returns the seconds of the fastest of some rounds; the first, which sets libraries up, aside.
double fastest(c10::Device device, const std::function<void()>& work, const Effort& effort = {}) {
  double best = std::numeric_limits<double>::max(), spent = 0.0;
  for (int round = 0; round <= kRounds && (round <= 1 || spent < effort.seconds); ++round) {
    wait_for(device);
    const auto begin = steady_clock::now();
    work();
    wait_for(device);
    const std::chrono::duration<double> seconds = steady_clock::now() - begin;
    spent += seconds.count();
    if (round > 0) best = std::min(best, seconds.count());
  }
  return best;
}

// oneDNN's product, which LibTorch's own operators of float32 do not take on a CPU.
void onednn_product(const at::Tensor& a, const at::Tensor& b) {
  using Product = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                             std::string_view, c10::List<std::optional<at::Scalar>>,
                             std::optional<std::string_view>);
  static const auto product = c10::Dispatcher::singleton()
                                  .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
                                  .typed<Product>();
  product.call(a, b, std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), std::nullopt);
}

double product_speed(c10::Device device, at::ScalarType dtype, const Effort& effort = {}) {
  const std::int64_t size = device.is_cpu() ? effort.cpu_size : 8192;
  const auto options = at::TensorOptions(device).dtype(dtype);
  const at::Tensor a = at::rand({size, size}, options), b = at::rand({size, size}, options);
  at::Tensor out = at::empty_like(a);
  double seconds = fastest(
      device, [&] { at::mm_out(out, a, b); }, effort);
  if (device.is_cpu() && dtype == at::kFloat)
    seconds = std::min(seconds, fastest(
                                    device, [&] { onednn_product(a, b); }, effort));
  const auto n = static_cast<double>(size);
  return 2.0 * n * n * n / seconds;
}

double memory_speed(c10::Device device) {
  constexpr std::int64_t kElements = std::int64_t{1} << 26;
  const auto options = at::TensorOptions(device).dtype(at::kFloat);
  const at::Tensor a = at::ones({kElements}, options), b = at::ones({kElements}, options);
  at::Tensor out = at::ones({kElements}, options);
  return 3.0 * sizeof(float) * kElements / fastest(device, [&] { at::add_out(out, a, b); });
}

}  // namespace

MachineSpeed measure_machine(c10::Device device) {
  const at::NoGradGuard no_gradient;
  MachineSpeed speed;
  speed.fp32_flop_per_second = product_speed(device, at::kFloat);
  if (!device.is_cpu() || has_fast_products(at::kBFloat16))
    speed.bf16_flop_per_second = product_speed(device, at::kBFloat16);
  speed.bytes_per_second = memory_speed(device);
  return speed;
}

PeakProducts peak_products(c10::Device device, c10::ScalarType dtype) {
  if (!device.is_cpu())
    if (const auto known = known_peak(device_name(device), dtype)) return {*known, false};
  const at::NoGradGuard no_gradient;
  const bool is_fast = !device.is_cpu() || has_fast_products(dtype);
  return {product_speed(device, is_fast ? dtype : at::kFloat, kQuick), true};
}

}  // namespace longspan
