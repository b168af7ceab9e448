#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace longspan {

/// Parameters that ranks gather after a step (distributed.shard_optimizer) travel together until
/// rank 0's share of them has this many elements.
inline constexpr std::int64_t kGatheredElements = 1 << 23;

/// Returns the buckets in which gradients travel, in the order in which they do: each the numbers
/// of its tensors, from the last to the first, since backward reaches the last parameters first. A
/// bucket holds bucket_bytes at most, or one tensor that is larger.
std::vector<std::vector<std::size_t>> buckets_of(const std::vector<std::int64_t>& tensor_bytes,
                                                 std::int64_t bucket_bytes);

}  // namespace longspan
