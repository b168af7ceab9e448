// Keys and values of a decoded sequence, in room that is taken once.

#include "longspan/model/key_value_cache.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include "longspan/core/error.h"

namespace longspan {
namespace {

at::Tensor room_for(const at::Tensor& x_BTGK, std::int64_t capacity) {
  return at::empty({x_BTGK.size(0), capacity, x_BTGK.size(2), x_BTGK.size(3)},
                   x_BTGK.options().requires_grad(false));
}

}  // namespace

std::int64_t KeyValueCache::bytes() const {
  std::int64_t bytes = 0;
  for (const Layer& layer : layers_)
    for (const at::Tensor& room : {layer.k_BCGK, layer.v_BCGK})
      if (room.defined()) bytes += static_cast<std::int64_t>(room.nbytes());
  return bytes;
}

KeyValueCache::Views KeyValueCache::append(std::size_t layer, const at::Tensor& k_BTGK,
                                           const at::Tensor& v_BTGK) {
  const at::NoGradGuard no_gradient;
  const std::int64_t count = k_BTGK.size(1), num_keys = num_positions_ + count;
  check(num_keys <= capacity_, ErrorKind::Internal, "the key-value cache has room for ", capacity_,
        " positions, got ", num_keys);
  if (layers_.size() <= layer) layers_.resize(layer + 1);
  auto& [k_BCGK, v_BCGK] = layers_[layer];
  if (!k_BCGK.defined()) {
    k_BCGK = room_for(k_BTGK, capacity_);
    v_BCGK = room_for(v_BTGK, capacity_);
  }
  k_BCGK.narrow(1, num_positions_, count).copy_(k_BTGK);
  v_BCGK.narrow(1, num_positions_, count).copy_(v_BTGK);
  return {k_BCGK.narrow(1, 0, num_keys), v_BCGK.narrow(1, 0, num_keys)};
}

}  // namespace longspan
