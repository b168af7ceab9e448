#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "longspan/core/part.h"

namespace longspan {

/// Returns the buckets in which gradients travel, in the order in which they do: each the numbers
/// of its tensors, from the last to the first, since backward reaches the last parameters first. A
/// bucket holds bucket_bytes at most, or one tensor that is larger.
std::vector<std::vector<std::size_t>> buckets_of(const std::vector<std::int64_t>& tensor_bytes,
                                                 std::int64_t bucket_bytes);

/// How the tensors of a bucket lie in flat memory, in elements.
struct BucketLayout {
  std::vector<std::size_t> tensors;   ///< their numbers, in their order
  std::vector<std::int64_t> offsets;  ///< of each of them
  std::int64_t elements = 0;          ///< of the whole bucket
};

/// Lays a bucket's tensors out one after another, without a gap.
/// @param tensor_elements of all tensors, by number
BucketLayout lay_out(const std::vector<std::size_t>& bucket,
                     const std::vector<std::int64_t>& tensor_elements);
/// Lays them out so that the bucket is cut into equal parts, one for each rank, and that each
/// tensor and each part begins at a multiple of kPartAlignment: memory is read there as it is at a
/// tensor's own beginning, so that no product and no loop over elements changes its bits.
BucketLayout lay_out_in_parts(const std::vector<std::size_t>& bucket,
                              const std::vector<std::int64_t>& tensor_elements, std::int64_t parts);
inline constexpr std::int64_t kPartAlignment = 64;

/// Returns the elements that a part of a bucket has of a tensor that begins at `offset`; an empty
/// range of the tensor when there are none. @param part_elements of each part
constexpr Part elements_in_part(std::int64_t offset, std::int64_t tensor_elements,
                                std::int64_t part, std::int64_t part_elements) {
  const auto inside = [&](std::int64_t place) {
    const std::int64_t element = place - offset;
    return element < 0 ? 0 : element > tensor_elements ? tensor_elements : element;
  };
  return {inside(part * part_elements), inside((part + 1) * part_elements)};
}

}  // namespace longspan
