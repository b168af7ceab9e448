#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "longspan/core/hash.h"
#include "longspan/data/shards.h"

namespace longspan {

/// Where the ids of a stream lie. Several threads may read at once.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  virtual std::int64_t size() const = 0;
  /// Writes ids [begin, begin + count), which are inside, to out.
  virtual void copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const = 0;
  /// Returns the files that hold ids [begin, begin + count), in order; none for ids in memory.
  virtual std::vector<TokenPlace> places(std::int64_t begin, std::int64_t count) const = 0;
};

/// The ids of a split in files.
class StoredTokens : public TokenSource {
 public:
  /// Reads all of the files and holds them against what was recorded of them. @throws Error(Data)
  /// that names the file
  virtual void verify() const = 0;
  /// Gives a hasher what decides the ids.
  virtual void describe_to(Hasher& hasher) const = 0;
};

/// Copies ids of 2 or 4 bytes, little-endian and aligned, as wider ones. @param ids the first of
/// all, of which `begin` are passed over
void widen(const std::byte* ids, std::int64_t bytes_per_token, std::int64_t begin,
           std::int64_t count, std::int64_t* out);

}  // namespace longspan
