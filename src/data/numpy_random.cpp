// std::mt19937 is seeded and runs as NumPy's generator does; only the way from 32 bits to a bounded
// number is NumPy's own.

#include "data/numpy_random.h"

#include <bit>
#include <numeric>

namespace longspan {

std::uint64_t NumpyRandom::interval(std::uint64_t greatest) {
  if (greatest == 0) return 0;
  const std::uint64_t mask = std::bit_ceil(greatest + 1) - 1;
  std::uint64_t value = engine_() & mask;
  while (value > greatest) value = engine_() & mask;
  return value;
}

std::vector<std::int64_t> NumpyRandom::permutation(std::int64_t size) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(size));
  std::iota(values.begin(), values.end(), std::int64_t{0});
  shuffle(values);
  return values;
}

}  // namespace longspan
