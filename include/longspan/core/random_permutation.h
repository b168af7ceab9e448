#pragma once

#include <cstdint>

#include "longspan/core/philox.h"

namespace longspan {

/// A random order of 0 .. size-1 without a table: each place is worked out when it is asked for, in
/// a time and a memory that do not depend on the size. A function of size and key, which is part of
/// the format of a run: never change it.
class RandomPermutation {
 public:
  /// @param size in 1 .. 2^62
  RandomPermutation(std::int64_t size, PhiloxKey key);

  /// Returns the number at a place. @param place in 0 .. size-1
  std::int64_t at(std::int64_t place) const;
  /// Returns the place of a number, so that at() gives it back. @param number in 0 .. size-1
  std::int64_t place_of(std::int64_t number) const;

 private:
  std::int64_t size_;
  PhiloxKey key_;
  std::uint64_t rows_, columns_;  // of the rectangle that the numbers lie in
  std::uint32_t num_rounds_;
};

}  // namespace longspan
