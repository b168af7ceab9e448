#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "longspan/core/named_tensors.h"

namespace longspan::interop {

/// Says how one tensor of another project holds tensors of ours.
enum class Packing {
  Single,  ///< one of ours, as it is
  Blocks,  ///< q, k, v: all rows of q, then of k, then of v
  Heads,   ///< q, k, v: for each key-value head the rows of its queries, its key and its value
};

/// Says whether a tensor stands in another project's files.
enum class Stored {
  Always,
  Optional,  ///< may be missing where other rows give all that it holds
  Spare,     ///< older names, copies that some savers leave: read where it stands, never written
};

/// One tensor of another project and what it is here. Two rows with one name of ours are copies of
/// each other, and must be equal.
struct WeightRow {
  std::string theirs;
  std::vector<std::string> ours;                 ///< one, or those of q, k, v
  std::vector<std::vector<std::int64_t>> sizes;  ///< of each of ours
  Packing packing = Packing::Single;
  std::int64_t num_kv_heads = 1;  ///< for Heads
  Stored stored = Stored::Always;
};

/// Where another project's tensors are taken from, each once.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// Returns the name of the file or folder for errors.
  virtual const std::string& place() const = 0;
  virtual bool has(const std::string& name) const = 0;
  /// Returns a tensor in float32. @throws Error(Data) when it is missing or has another shape
  virtual at::Tensor take(const std::string& name, at::IntArrayRef sizes) = 0;
};

/// Splits a tensor of theirs into ours, each with memory of its own.
std::vector<at::Tensor> unpack(const WeightRow& row, const at::Tensor& theirs);
/// Joins ours into the tensor of theirs: the inverse of unpack, bit for bit.
at::Tensor pack(const WeightRow& row, const std::vector<at::Tensor>& ours);

/// Returns whether two tensors have the same type, shape and bits, NaN included.
bool same_bits(const at::Tensor& a, const at::Tensor& b);

/// Takes all rows, in their order. @throws Error(Data) for a missing tensor and for unequal copies;
/// Error(Numeric) for NaN and infinities
NamedTensors import_weights(const std::vector<WeightRow>& rows, WeightSource& source);
/// Returns the tensors of all rows under their names, spare ones left out.
NamedTensors export_weights(const std::vector<WeightRow>& rows, const NamedTensors& ours);

}  // namespace longspan::interop
