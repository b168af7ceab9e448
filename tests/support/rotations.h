#pragma once

#include "longspan/position/position.h"

namespace longspan::testing {

struct QueryKey {
  at::Tensor q_BTHK, k_BTGK;
};

/// Turns queries and keys at `positions` as a method says that they are turned.
inline QueryKey rotated(const PositionMethod& method, const QueryKey& both,
                        const Positions& positions) {
  const auto rotation = method.rotation(positions, both.q_BTHK.options());
  return {rotate_pairs(both.q_BTHK, rotation->query, rotation->pairing),
          rotate_pairs(both.k_BTGK, rotation->key, rotation->pairing)};
}

}  // namespace longspan::testing
