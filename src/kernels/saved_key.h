#pragma once

#include <ATen/core/List.h>
#include <ATen/core/ivalue.h>

#include "longspan/kernels/dropout.h"

namespace longspan {

/// A dropout's key in the form that a node of the graph can keep.
inline c10::List<std::int64_t> saved_key(const DropoutKey& key) {
  return c10::List<std::int64_t>(
      {static_cast<std::int64_t>(key.seed), key.step, static_cast<std::int64_t>(key.site)});
}

/// The key of saved_key.
inline DropoutKey key_of(const c10::IValue& saved) {
  const auto key = saved.toIntList();
  return {static_cast<std::uint64_t>(key.get(0)), key.get(1),
          static_cast<std::uint64_t>(key.get(2))};
}

}  // namespace longspan
