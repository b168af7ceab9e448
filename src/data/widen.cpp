// Half of what a batch costs to read. Built for several instruction sets, of which the machine's
// best is taken: the baseline has no instruction that widens.

#include "data/token_source.h"

namespace longspan {
namespace {

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define LONGSPAN_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LONGSPAN_CLONES
#endif

LONGSPAN_CLONES void widen_two(const std::uint16_t* ids, std::int64_t count, std::int64_t* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = ids[i];
}

LONGSPAN_CLONES void widen_four(const std::uint32_t* ids, std::int64_t count, std::int64_t* out) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = ids[i];
}

}  // namespace

void widen(const std::byte* ids, std::int64_t bytes_per_token, std::int64_t begin,
           std::int64_t count, std::int64_t* out) {
  if (bytes_per_token == 2)
    widen_two(reinterpret_cast<const std::uint16_t*>(ids) + begin, count, out);
  else
    widen_four(reinterpret_cast<const std::uint32_t*>(ids) + begin, count, out);
}

}  // namespace longspan
