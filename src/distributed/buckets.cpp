// Which gradients travel together, and how they lie there.

#include "longspan/distributed/buckets.h"

#include "longspan/core/ceil_divide.h"

namespace longspan {
namespace {

BucketLayout lay_out_aligned(const std::vector<std::size_t>& bucket,
                             const std::vector<std::int64_t>& tensor_elements,
                             std::int64_t alignment) {
  BucketLayout layout{bucket, {}, 0};
  for (const std::size_t i : bucket) {
    layout.offsets.push_back(layout.elements);
    layout.elements += ceil_divide(tensor_elements[i], alignment) * alignment;
  }
  return layout;
}

}  // namespace

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

BucketLayout lay_out(const std::vector<std::size_t>& bucket,
                     const std::vector<std::int64_t>& tensor_elements) {
  return lay_out_aligned(bucket, tensor_elements, 1);
}

BucketLayout lay_out_in_parts(const std::vector<std::size_t>& bucket,
                              const std::vector<std::int64_t>& tensor_elements,
                              std::int64_t parts) {
  BucketLayout layout = lay_out_aligned(bucket, tensor_elements, kPartAlignment);
  const std::int64_t whole = kPartAlignment * parts;
  layout.elements = ceil_divide(layout.elements, whole) * whole;
  return layout;
}

}  // namespace longspan
