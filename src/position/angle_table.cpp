// The one path by which tables of sines come about: libm's scalar functions in plain loops. Vector
// libraries choose their code by the processor and differ in the last bits of float32.

#include "position/angle_table.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

namespace longspan {
namespace {

constexpr std::int64_t kGrain = 4096;  // entries that are worth a thread

template <class Scalar>
void fill(const RotaryAngles& table, std::int64_t first,
          const std::vector<Frequency>& frequencies) {
  const auto F = static_cast<std::int64_t>(frequencies.size());
  auto* cosines = table.cos_TF.mutable_data_ptr<Scalar>();
  auto* sines = table.sin_TF.mutable_data_ptr<Scalar>();
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / F);
  at::parallel_for(0, table.cos_TF.size(0), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t)
      for (std::int64_t j = 0; j < F; ++j) {
        const auto value = cosine_and_sine(first + t, frequencies[static_cast<std::size_t>(j)]);
        cosines[t * F + j] = static_cast<Scalar>(value.cosine);
        sines[t * F + j] = static_cast<Scalar>(value.sine);
      }
  });
}

}  // namespace

std::vector<long double> powers_of(const FrequencyRange& range) {
  std::vector<long double> frequencies;
  for (std::int64_t j = range.first; j < range.first + range.count; ++j)
    frequencies.push_back(std::pow(static_cast<long double>(range.base),
                                   -static_cast<long double>(j) / range.denominator));
  return frequencies;
}

std::vector<Frequency> as_pairs(const std::vector<long double>& frequencies) {
  std::vector<Frequency> pairs;
  for (const long double frequency : frequencies) {
    const double high = static_cast<float>(frequency);
    pairs.push_back({high, static_cast<double>(frequency - high)});
  }
  return pairs;
}

std::vector<Frequency> frequencies_of(const FrequencyRange& range) {
  return as_pairs(powers_of(range));
}

CosineAndSine cosine_and_sine(std::int64_t position, const Frequency& frequency) {
  const auto at = static_cast<double>(position);
  const double exact = at * frequency.high, rest = at * frequency.low;
  const double angle = exact + rest;
  // An angle of thousands has lost as much as tips one float32 in a million; it comes back by the
  // first term of the series.
  const double lost = rest - (angle - exact);
  const double cosine = std::cos(angle), sine = std::sin(angle);
  return {cosine - lost * sine, sine + lost * cosine};
}

at::TensorOptions table_options(const at::TensorOptions& of_tensor) {
  const bool wide = of_tensor.dtype() == at::kDouble;
  return at::TensorOptions(of_tensor.device()).dtype(wide ? at::kDouble : at::kFloat);
}

RotaryAngles angle_table(const Positions& positions, const std::vector<Frequency>& frequencies,
                         const at::TensorOptions& of_tensor) {
  const std::vector<std::int64_t> sizes{positions.count,
                                        static_cast<std::int64_t>(frequencies.size())};
  const auto options = table_options(of_tensor), on_cpu = options.device(at::kCPU);
  const RotaryAngles table{at::empty(sizes, on_cpu), at::empty(sizes, on_cpu)};
  if (table.cos_TF.scalar_type() == at::kDouble)
    fill<double>(table, positions.first, frequencies);
  else
    fill<float>(table, positions.first, frequencies);
  return {table.cos_TF.to(options.device()), table.sin_TF.to(options.device())};
}

}  // namespace longspan
