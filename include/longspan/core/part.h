#pragma once

#include <cstdint>

namespace longspan {

/// The numbers [begin, end) of a list.
struct Part {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  constexpr std::int64_t size() const { return end - begin; }
};

/// Returns part number `index` of `count` parts in order that together are the numbers 0 .. size-1
/// and differ by one in size at most: what one of `count` ranks takes. @param index in 0 .. count-1
constexpr Part part_of(std::int64_t size, std::int64_t index, std::int64_t count) {
  return {index * size / count, (index + 1) * size / count};
}

}  // namespace longspan
