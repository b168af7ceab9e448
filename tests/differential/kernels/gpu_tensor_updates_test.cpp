// The GPU's kernels on tables of tensors, on the emulator, against plain loops in float64.

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "emulator/launches.h"
#include "kernels/gpu/tensor_updates.h"
#include "longspan/kernels/tensor_updates.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using emulator::EmulatedGpu;
using testing::random_tensor;

constexpr double kHalfUnit = 0x1p-24;
constexpr std::int64_t kChunk = gpu::kUpdateChunk;

// Elements at a place that is `offset` elements after a multiple of 16 bytes.
at::Tensor placed(const at::Tensor& x, std::int64_t offset) {
  return at::cat({at::zeros({offset}, x.options()), x}).narrow(0, offset, x.numel());
}

struct Place {
  std::int64_t count, offset;
};

std::vector<Place> places(const std::string& kind) {
  if (kind == "one element") return {{1, 0}};
  if (kind == "no element first and last") return {{0, 0}, {5, 0}, {0, 0}, {0, 0}, {9, 0}, {0, 0}};
  if (kind == "around a chunk") return {{kChunk - 1, 0}, {kChunk, 0}, {kChunk + 1, 0}};
  if (kind == "several chunks") return {{3, 0}, {2 * kChunk + 37, 0}, {kChunk + 6, 3}};
  if (kind == "at odd places") return {{1027, 1}, {1028, 2}, {1029, 3}, {64, 0}};
  std::vector<Place> many;
  for (std::int64_t i = 0; i < 70; ++i) many.push_back({i * i % 41, i % 3 == 0 ? i % 4 : 0});
  return many;
}
const std::vector<std::string> kPlaces{"one element",    "no element first and last",
                                       "around a chunk", "several chunks",
                                       "at odd places",  "many"};

std::vector<at::Tensor> numbers(const std::vector<Place>& at_places, std::uint64_t seed) {
  std::vector<at::Tensor> tensors;
  for (const auto& [count, offset] : at_places)
    tensors.push_back(placed(random_tensor({count}, seed++), offset));
  return tensors;
}

struct Problem {
  std::vector<UpdatedTensor> tensors;

  explicit Problem(const std::vector<Place>& at_places) {
    const auto parameters = numbers(at_places, 100), gradients = numbers(at_places, 300),
               firsts = numbers(at_places, 500), seconds = numbers(at_places, 700);
    for (std::size_t i = 0; i < at_places.size(); ++i)
      tensors.push_back({parameters[i], gradients[i], firsts[i], seconds[i].abs_(),
                         i % 2 == 0 ? 0.875 : 1.0, 0.01 * double(1 + i % 5),
                         1.0 + 0.25 * double(i % 3)});
  }

  Problem copied() const {
    Problem copy = *this;
    for (auto& tensor : copy.tensors)
      for (at::Tensor* x : {&tensor.parameter, &tensor.first, &tensor.second}) *x = x->clone();
    return copy;
  }

  bool equals(const Problem& other) const {
    for (std::size_t i = 0; i < tensors.size(); ++i)
      if (!tensors[i].parameter.equal(other.tensors[i].parameter) ||
          !tensors[i].first.equal(other.tensors[i].first) ||
          !tensors[i].second.equal(other.tensors[i].second))
        return false;
    return true;
  }
};

at::Tensor scalar(double value) { return at::full({}, value, at::kDouble); }

// Checks a tensor of the state or a parameter, element by element.
using Expected = std::function<std::pair<double, double>(std::int64_t)>;  // value, bound
void check_near(const at::Tensor& found, const Expected& expected) {
  const auto* const x = found.const_data_ptr<float>();
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < found.numel(); ++i) {
    const auto [value, bound] = expected(i);
    if (!(std::abs(x[i] - value) <= bound)) ++wrong;
  }
  CHECK(wrong == 0);
}

// Terms are rounded at most five times on their way: factor, gradient, product, two sums.
void check_momentum(const UpdatedTensor& before, const UpdatedTensor& after,
                    const MomentumFactors& f, double factor) {
  const auto* const p = before.parameter.const_data_ptr<float>();
  const auto* const v = before.first.const_data_ptr<float>();
  const auto* const g = before.gradient.const_data_ptr<float>();
  const auto sum = [](std::initializer_list<double> terms) {
    double value = 0.0, size = 0.0;
    for (const double term : terms) value += term, size += std::abs(term);
    return std::pair(value, 5.5 * kHalfUnit * size);
  };
  check_near(after.parameter, [&](std::int64_t i) {
    return sum({before.keep * p[i], f.velocity_to_parameter * v[i],
                f.gradient_to_parameter * factor * g[i]});
  });
  check_near(after.first, [&](std::int64_t i) {
    return sum({f.velocity_keep * v[i], f.gradient_to_velocity * factor * g[i]});
  });
}

TEST_CASE("emulated momentum updates equal a loop in float64, to their roundings") {
  const auto& kind = GENERATE(from_range(kPlaces));
  const double factor = GENERATE(1.0, 0.3, -2.5e-4);
  INFO(kind << ", factor " << factor);
  const MomentumFactors factors{0.81, -0.3, 0.7, -0.2};
  const Problem before(places(kind));
  const Problem after = before.copied();
  const EmulatedGpu gpu;
  update_by_momentum(after.tensors, factors, factor == 1.0 ? at::Tensor() : scalar(factor));
  for (std::size_t i = 0; i < before.tensors.size(); ++i)
    check_momentum(before.tensors[i], after.tensors[i], factors, factor);
}

// The mean is rounded at most five times, its square's root and the corrections at most eight.
void check_adamw(const UpdatedTensor& before, const UpdatedTensor& after, const AdamWFactors& f,
                 double factor) {
  const auto* const p = before.parameter.const_data_ptr<float>();
  const auto* const m = before.first.const_data_ptr<float>();
  const auto* const s = before.second.const_data_ptr<float>();
  const auto* const gradient = before.gradient.const_data_ptr<float>();
  const auto mean = [&](std::int64_t i) {
    const double g = factor * gradient[i];
    return std::pair(f.beta1 * m[i] + (1 - f.beta1) * g,
                     5.5 * kHalfUnit * (std::abs(m[i]) + std::abs(g)));
  };
  const auto square = [&](std::int64_t i) {
    const double g = factor * gradient[i], value = f.beta2 * s[i] + (1 - f.beta2) * g * g;
    return std::pair(value, 6.5 * kHalfUnit * value);
  };
  check_near(after.first, mean);
  check_near(after.second, square);
  check_near(after.parameter, [&](std::int64_t i) {
    const double size = std::sqrt(square(i).first) * before.root_factor + f.eps;
    const double rate = before.step_size / size, kept = before.keep * p[i];
    return std::pair(kept - rate * mean(i).first,
                     rate * mean(i).second + 2.5 * kHalfUnit * std::abs(kept) +
                         12.5 * kHalfUnit * rate * std::abs(mean(i).first));
  });
}

TEST_CASE("emulated AdamW updates equal a loop in float64, to their roundings") {
  const auto& kind = GENERATE(from_range(kPlaces));
  const auto [beta1, factor] =
      GENERATE(table<double, double>({{0.9, 0.3}, {0.9, 1.0}, {0.25, -2.5e-4}}));
  INFO(kind << ", beta1 " << beta1 << ", factor " << factor);
  const AdamWFactors factors{beta1, 0.95, 1e-8};
  const Problem before(places(kind));
  const Problem after = before.copied();
  const EmulatedGpu gpu;
  update_by_adamw(after.tensors, factors, factor == 1.0 ? at::Tensor() : scalar(factor));
  for (std::size_t i = 0; i < before.tensors.size(); ++i)
    check_adamw(before.tensors[i], after.tensors[i], factors, factor);
}

TEST_CASE("an update whose factor is not a number writes nothing") {
  const Problem before(places("several chunks"));
  const Problem after = before.copied();
  const EmulatedGpu gpu;
  update_by_momentum(after.tensors, {0.81, -0.3, 0.7, -0.2}, scalar(NAN));
  update_by_adamw(after.tensors, {0.9, 0.95, 1e-8}, scalar(NAN));
  CHECK(after.equals(before));
  CHECK(gpu.emulation().counts.at("momentum update").global_bytes_written == 0);
  CHECK(gpu.emulation().counts.at("AdamW update").global_bytes_written == 0);
}

GradientNumbers read(const at::Tensor& numbers_3) {
  const auto* const x = numbers_3.const_data_ptr<double>();
  return {x[0], x[1], x[2]};
}

// A sum of squares is rounded once for each addition that a term goes through: in a thread, in the
// block, in the thread that adds up chunks, in its block. The root halves the error and rounds.
double norm_bound(std::int64_t num_chunks) {
  const double additions = double(kChunk) / gpu::kUpdateThreads + 8 +
                           std::ceil(double(num_chunks) / gpu::kUpdateThreads) + 8;
  return (additions / 2 + 2) * 0x1p-53;
}

TEST_CASE(
    "the emulated norm of gradients is exact to its roundings, and its factor is clip_factor's") {
  const auto& kind = GENERATE(from_range(kPlaces));
  const auto [scale, clip_norm] =
      GENERATE(table<double, double>({{1.0, 0.0}, {0.01, 0.1}, {-3.0, 0.1}, {1e-9, 0.1}}));
  INFO(kind << ", scale " << scale << ", clip " << clip_norm);
  const auto gradients = numbers(places(kind), 300);
  long double sum = 0.0L;
  std::int64_t num_chunks = 0;
  for (const auto& gradient : gradients) {
    const auto* const x = gradient.const_data_ptr<float>();
    for (std::int64_t i = 0; i < gradient.numel(); ++i) sum += (long double)(x[i]) * x[i];
    num_chunks += (gradient.numel() + kChunk - 1) / kChunk;
  }
  const EmulatedGpu gpu;
  const auto found = read(gradient_numbers(gradients, {scale, clip_norm, 1e-6}, scalar(2.5)));
  const double norm = double(std::sqrt(sum)) * std::abs(scale);
  CHECK(found.loss_sum == 2.5);
  CHECK(std::abs(found.norm - norm) <= norm_bound(num_chunks) * norm);
  const double clip = clip_norm == 0.0 ? 1.0 : std::min(1.0, clip_norm / (found.norm + 1e-6));
  CHECK(found.factor == scale * clip);
}

TEST_CASE("more chunks than threads of the block that adds them up") {
  const EmulatedGpu gpu;
  std::vector<at::Tensor> gradients;
  for (int i = 0; i < 300; ++i) gradients.push_back(at::full({2}, float(i)));
  const double squares = 2.0 * 299 * 300 * 599 / 6;  // all sums are exact
  CHECK(read(gradient_numbers(gradients, {}, scalar(0))).norm == std::sqrt(squares));
}

TEST_CASE("the factor is no number where the norm or the loss is not finite") {
  const float bad = GENERATE(NAN, INFINITY, -INFINITY);
  const auto where = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3});
  const EmulatedGpu gpu;
  auto gradients = numbers(places("several chunks"), 300);
  const double loss = where == gradients.size() ? double(bad) : 1.0;
  if (where < gradients.size()) gradients[where][gradients[where].numel() - 1] = bad;
  const auto found = read(gradient_numbers(gradients, {0.5, 0.1, 1e-6}, scalar(loss)));
  CHECK(std::isnan(found.factor));
  CHECK(std::isfinite(found.norm) == (where == gradients.size()));
  CHECK(std::isfinite(found.loss_sum) == (where < gradients.size()));
}

TEST_CASE("no gradients have a norm of 0") {
  const EmulatedGpu gpu;
  const auto gradients =
      GENERATE(std::vector<at::Tensor>{}, std::vector<at::Tensor>{at::empty({0})});
  const auto found = read(gradient_numbers(gradients, {0.5, 0.1, 1e-6}, scalar(1.0)));
  CHECK(found.norm == 0.0);
  CHECK(found.factor == 0.5);
}

TEST_CASE("a missing barrier in the sum of squares is caught") {
  const int barrier = GENERATE(range(0, 8));
  const EmulatedGpu gpu({.skipped_barrier = barrier});
  CHECK_THROWS_AS(gradient_numbers(numbers(places("at odd places"), 300), {}, scalar(0)),
                  emulator::Fault);
}

TEST_CASE("a missing barrier in the norm of gradients is caught") {
  const int barrier = GENERATE(range(0, 8));
  const EmulatedGpu gpu({.skipped_barrier = barrier});
  CHECK_THROWS_AS(gradient_numbers({}, {}, scalar(0)), emulator::Fault);
}

TEST_CASE("emulated updates give the same bits in any order of threads, and move each byte once") {
  const auto at_places = places("several chunks");
  std::int64_t elements = 0;
  for (const Place& place : at_places) elements += place.count;
  const Problem before(at_places);
  const auto in_order = [&](std::uint64_t seed) {
    const EmulatedGpu gpu({.seed = seed});
    Problem after = before.copied();
    std::vector<at::Tensor> gradients;
    for (const auto& tensor : after.tensors) gradients.push_back(tensor.gradient);
    const auto numbers_3 = gradient_numbers(gradients, {0.5, 0.1, 1e-6}, scalar(1));
    update_by_momentum(after.tensors, {0.81, -0.3, 0.7, -0.2}, numbers_3.select(0, 2));
    update_by_adamw(after.tensors, {0.9, 0.95, 1e-8}, numbers_3.select(0, 2));
    const auto moved = [&](const char* name, std::int64_t read, std::int64_t written) {
      const auto& counts = gpu.emulation().counts.at(name);
      CHECK(counts.global_bytes_written == written * elements);
      CHECK(counts.global_bytes_read >= read * elements);
      CHECK(counts.global_bytes_read <= read * elements + 6 * 256 * 84);  // row, search, factor
    };
    moved("momentum update", 12, 8);
    moved("AdamW update", 16, 12);
    return after;
  };
  CHECK(in_order(1).equals(in_order(2)));
}

TEST_CASE("emulated narrow copies have the bits of LibTorch's") {
  const auto dtype = GENERATE(at::kBFloat16, at::kHalf);
  const auto& kind = GENERATE(from_range(kPlaces));
  INFO(dtype << ", " << kind);
  const EmulatedGpu gpu;
  std::vector<NarrowCopy> copies;
  for (const auto& x : numbers(places(kind), 100))
    copies.push_back({x, placed(at::zeros({x.numel()}, dtype), x.storage_offset())});
  copy_narrow(copies);
  for (const auto& [from, to] : copies) CHECK(to.equal(from.to(dtype)));
}

TEST_CASE("tensor updates are for float32 on a device that has kernels") {
  const auto x = at::zeros({4});
  CHECK_FALSE(takes_tensor_updates(x));
  const EmulatedGpu gpu;
  CHECK(takes_tensor_updates(x));
  CHECK_FALSE(takes_tensor_updates(x.to(at::kDouble)));
  CHECK_THROWS(update_by_momentum({{x, x.t(), x.narrow(0, 0, 3), {}}}, {}, {}));
}

}  // namespace
}  // namespace longspan
