// Which gradients travel together.

#include "longspan/distributed/buckets.h"

namespace longspan {

std::vector<std::vector<std::size_t>> buckets_of(const std::vector<std::int64_t>& tensor_bytes,
                                                 std::int64_t bucket_bytes) {
  std::vector<std::vector<std::size_t>> buckets;
  std::int64_t bytes = 0;
  for (std::size_t i = tensor_bytes.size(); i-- > 0;) {
    if (buckets.empty() || (bytes > 0 && bytes + tensor_bytes[i] > bucket_bytes)) {
      buckets.emplace_back();
      bytes = 0;
    }
    buckets.back().push_back(i);
    bytes += tensor_bytes[i];
  }
  return buckets;
}

}  // namespace longspan
