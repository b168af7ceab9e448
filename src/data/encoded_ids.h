#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace longspan {

/// Some ids of a text.
struct EncodedIds {
  std::vector<std::int32_t> ids;
  /// The places among them at which a document begins: a file, or a record of JSON lines.
  std::vector<std::size_t> documents = {};
};

using TakeIds = std::function<void(const EncodedIds&)>;

}  // namespace longspan
