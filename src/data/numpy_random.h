#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace longspan {

/// The legacy random numbers of NumPy (numpy.random.seed and what follows it), which fairseq orders
/// its batches by: MT19937 seeded from one 32-bit number, bounded by masking and rejection.
class NumpyRandom {
 public:
  explicit NumpyRandom(std::uint32_t seed) : engine_(seed) {}

  /// Returns an integer in 0 .. greatest, as numpy's random_interval. @param greatest < 2^32
  std::uint64_t interval(std::uint64_t greatest);
  /// Shuffles as numpy.random.shuffle.
  template <class Value>
  void shuffle(std::vector<Value>& values) {
    for (std::size_t i = values.size(); i-- > 1;) std::swap(values[i], values[interval(i)]);
  }
  /// Returns numpy.random.permutation(size).
  std::vector<std::int64_t> permutation(std::int64_t size);

 private:
  std::mt19937 engine_;
};

}  // namespace longspan
