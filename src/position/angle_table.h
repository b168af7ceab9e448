#pragma once

#include <cstdint>
#include <vector>

#include "longspan/kernels/rotation.h"
#include "longspan/position/position.h"

namespace longspan {

/// A frequency as a sum of two numbers: `high` has so few bits that its product with a position
/// below 2^29 is exact.
struct Frequency {
  double high, low;
};

/// The powers base^(-j / denominator), j = first .. first + count - 1.
struct FrequencyRange {
  double base;
  double denominator;
  std::int64_t first = 0;
  std::int64_t count = 0;
};

struct CosineAndSine {
  double cosine, sine;
};

/// Returns the frequencies of a range, as numbers and as the pairs that tables are made of.
std::vector<long double> powers_of(const FrequencyRange& range);
std::vector<Frequency> as_pairs(const std::vector<long double>& frequencies);
std::vector<Frequency> frequencies_of(const FrequencyRange& range);
/// Returns cosine and sine of position * frequency, each within two units of the last place.
CosineAndSine cosine_and_sine(std::int64_t position, const Frequency& frequency);
/// Returns the dtype and device of tables for a tensor: float64 for float64, else float32.
at::TensorOptions table_options(const at::TensorOptions& of_tensor);
/// What the tables for a tensor follow from, besides the frequencies.
struct TableKey {
  Positions positions;
  at::ScalarType dtype;
  c10::Device device;
  TableKey(const Positions& of_positions, const at::TensorOptions& of_tensor)
      : positions(of_positions),
        dtype(of_tensor.dtype().toScalarType()),
        device(of_tensor.device()) {}
  bool operator==(const TableKey&) const = default;
};
/// Returns the tables of positions * frequencies, [T, F], for a tensor of the given options, worked
/// out in float64 and rounded once: the same bits on any processor.
RotaryAngles angle_table(const Positions& positions, const std::vector<Frequency>& frequencies,
                         const at::TensorOptions& of_tensor);

}  // namespace longspan
