// The numbers lie row by row in a rectangle that is hardly larger than they are many. A round of a
// Feistel network turns each column by an amount drawn for that column, the next one each row, so
// each is one-to-one whatever is drawn. A number that ends in the rectangle's rest goes through all
// rounds again until it ends outside (cycle walking), which keeps the whole one-to-one.
// @see Black, Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002
#include "longspan/core/random_permutation.h"

#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

// Every two rounds leave at most half of the distance from a uniformly random order where a side
// has two numbers, and less the longer the sides are.
constexpr std::uint32_t kRounds = 8, kRoundsOfFew = 24;
constexpr std::int64_t kFew = 4096;

// Sides near the square root. One is even, so that orders of both parities can come out.
std::uint64_t even_root(std::int64_t size) {
  std::uint64_t root = 1;
  const auto number = static_cast<std::uint64_t>(size);
  for (std::uint64_t bit = std::uint64_t{1} << 31; bit > 0; bit >>= 1)
    if ((root | bit) * (root | bit) <= number) root |= bit;
  return root + root % 2;
}

// Returns a number below bound, which is below 2^32, from 64 random bits.
std::uint64_t drawn_below(std::uint64_t bound, std::uint32_t place, std::uint32_t round,
                          PhiloxKey key) {
  const PhiloxCounter words = philox({{place, round, 0, 0}}, key);
  return (words.x[0] * bound + ((words.x[1] * bound) >> 32)) >> 32;
}

void turn(std::uint64_t& number, std::uint64_t bound, std::uint64_t amount) {
  number += amount;
  if (number >= bound) number -= bound;
}

}  // namespace

RandomPermutation::RandomPermutation(std::int64_t size, PhiloxKey key)
    : size_(size), key_(key), num_rounds_(size < kFew ? kRoundsOfFew : kRounds) {
  check(size > 0 && size <= std::int64_t{1} << 62, ErrorKind::Internal,
        "a random permutation must have a size of 1 to 2^62, got ", size);
  rows_ = even_root(size);
  columns_ = ceil_divide(static_cast<std::uint64_t>(size), rows_);
}

std::int64_t RandomPermutation::at(std::int64_t place) const {
  auto number = static_cast<std::uint64_t>(place);
  do {
    std::uint64_t row = number / columns_, column = number % columns_;
    for (std::uint32_t round = 0; round < num_rounds_; round += 2) {
      turn(row, rows_, drawn_below(rows_, static_cast<std::uint32_t>(column), round, key_));
      turn(column, columns_,
           drawn_below(columns_, static_cast<std::uint32_t>(row), round + 1, key_));
    }
    number = row * columns_ + column;
  } while (number >= static_cast<std::uint64_t>(size_));
  return static_cast<std::int64_t>(number);
}

std::int64_t RandomPermutation::place_of(std::int64_t number) const {
  auto place = static_cast<std::uint64_t>(number);
  do {
    std::uint64_t row = place / columns_, column = place % columns_;
    for (std::uint32_t round = num_rounds_; round > 0; round -= 2) {
      turn(column, columns_,
           columns_ - drawn_below(columns_, static_cast<std::uint32_t>(row), round - 1, key_));
      turn(row, rows_,
           rows_ - drawn_below(rows_, static_cast<std::uint32_t>(column), round - 2, key_));
    }
    place = row * columns_ + column;
  } while (place >= static_cast<std::uint64_t>(size_));
  return static_cast<std::int64_t>(place);
}

}  // namespace longspan
