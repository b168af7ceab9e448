#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace longspan {

/// Keys and values of the positions seen so far, one entry a layer, for decoding step by step. The
/// room of a layer is taken once, when its first keys come.
class KeyValueCache {
 public:
  struct Views {
    at::Tensor k_BSGK, v_BSGK;
  };

  /// @param capacity positions that there is room for
  explicit KeyValueCache(std::int64_t capacity) : capacity_(capacity) {}

  std::int64_t capacity() const { return capacity_; }
  /// Returns the number of positions that all layers have.
  std::int64_t num_positions() const { return num_positions_; }
  /// Returns the bytes that the layers hold.
  std::int64_t bytes() const;

  /// Keeps a layer's keys and values of the positions behind num_positions(). Takes no gradient.
  /// @return those of all positions up to there, valid until the cache changes
  /// @throws Error(Internal) past the capacity
  Views append(std::size_t layer, const at::Tensor& k_BTGK, const at::Tensor& v_BTGK);
  /// Ends a pass: all layers have `count` positions more.
  void advance(std::int64_t count) { num_positions_ += count; }

 private:
  struct Layer {
    at::Tensor k_BCGK, v_BCGK;  ///< C: capacity
  };
  std::int64_t capacity_, num_positions_ = 0;
  std::vector<Layer> layers_;
};

}  // namespace longspan
