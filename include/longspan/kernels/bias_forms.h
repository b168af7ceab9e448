#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "longspan/core/last_made.h"

namespace longspan {

/// A bias of slope * (j - i) for query i and key j: zero at the query, falling with the distance.
struct LinearBias {
  at::Tensor slopes_H;  ///< float32 or float64 [H], >= 0, constant
};
/// A bias that depends on the distance i - j alone; trainable through its tensor.
struct DistanceBias {
  at::Tensor bias_HN;  ///< float [H, N], column d for distance d; N >= number of keys
};
/// A bias of its own for each query and key; trainable through its tensor. One row stands for all
/// queries; of more rows than queries the last ones count.
struct DenseBias {
  at::Tensor bias_HTS;
};
/// The forms of bias that attention knows, never the methods behind them; monostate is none. The
/// bias is added to the scaled scores in float32 (float64 for float64 inputs).
using ScoreBias = std::variant<std::monostate, LinearBias, DistanceBias, DenseBias>;

/// The forms by name, in the order of ScoreBias.
enum class BiasForm { None, Linear, Distance, Dense };

/// Returns the form of a bias.
BiasForm form_of(const ScoreBias& bias);
/// Returns the tensor by which a bias trains; undefined where its form has none.
at::Tensor trainable_part(const ScoreBias& bias);
/// Returns the bias with another tensor in place of trainable_part's.
ScoreBias with_trainable_part(const ScoreBias& bias, const at::Tensor& part);

/// Queries [first, first + count) of as many keys as positions.
struct QueryRange {
  std::int64_t first = 0, count = 0, num_positions = 0;
};

/// Returns the bias for each head, a range of queries and the keys up to the last of them, formed
/// in float64 [H, count, first + count] on the bias's device, without a gradient: what attention
/// would add without roundings. Entries past the query are of no meaning. Undefined where there is
/// none.
at::Tensor bias_of_queries(const ScoreBias& bias, const QueryRange& range);

/// Brings a layer's bias to the device of the computation. A constant one is copied there once and
/// kept, so that a steady step copies nothing.
class BiasCopy {
 public:
  /// Returns the bias on a device; its tensor is shared where it lies there already. A copy is made
  /// anew for a tensor that trains, and for a constant tensor other than the one before.
  ScoreBias on(c10::Device device, const ScoreBias& bias);

 private:
  /// A tensor that is kept alive, so that no other can take its place in memory.
  struct Source {
    at::Tensor tensor;
    c10::Device device;
    bool operator==(const Source& other) const {
      return tensor.is_same(other.tensor) && device == other.device;
    }
  };
  LastMade<Source, at::Tensor> copy_;
};

}  // namespace longspan
