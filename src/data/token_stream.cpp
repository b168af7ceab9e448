// A stream is a list of segments; a read that crosses a segment's end goes on in the next.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "data/token_storage.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

template <class Id>
void widen(const std::byte* ids, std::int64_t begin, std::int64_t count, std::int64_t* out) {
  std::copy_n(reinterpret_cast<const Id*>(ids) + begin, count, out);
}

}  // namespace

TokenStream::TokenStream(std::shared_ptr<const Storage> storage) : storage_(std::move(storage)) {}

TokenStream TokenStream::from_ids(std::vector<std::int32_t> ids) {
  const auto owner = std::make_shared<const std::vector<std::int32_t>>(std::move(ids));
  const auto count = static_cast<std::int64_t>(owner->size());
  auto storage = std::make_shared<Storage>();
  storage->segments.push_back(
      {owner, reinterpret_cast<const std::byte*>(owner->data()), 4, 0, count, nullptr});
  storage->size = count;
  return TokenStream(std::move(storage));
}

std::int64_t TokenStream::size() const { return storage_->size; }

void TokenStream::copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const {
  check(begin >= 0 && count >= 0 && count <= size() - begin, ErrorKind::Internal, "tokens ", begin,
        " .. ", begin + count, " must be inside a stream of ", size());
  const std::vector<TokenSegment>& segments = storage_->segments;
  const auto after = std::ranges::upper_bound(segments, begin, {}, &TokenSegment::first);
  for (auto at = after - 1; count > 0; ++at) {
    const std::int64_t skip = begin - at->first;
    const std::int64_t taken = std::min(count, at->count - skip);
    if (at->blocks != nullptr) at->blocks->check_tokens(skip, taken);
    if (at->bytes_per_token == 2) {
      widen<std::uint16_t>(at->ids, skip, taken, out);
    } else {
      widen<std::uint32_t>(at->ids, skip, taken, out);
    }
    begin += taken;
    count -= taken;
    out += taken;
  }
}

}  // namespace longspan
