// Tensors of other projects from and to ours, row by row of an architecture's table.

#include "interop/weight_map.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "longspan/core/error.h"
#include "longspan/core/progress.h"

namespace longspan::interop {
namespace {

using Sizes = std::vector<std::int64_t>;
using ByName = std::map<std::string, at::Tensor>;

Sizes packed_sizes(const WeightRow& row) {
  Sizes sizes = row.sizes[0];
  for (std::size_t i = 1; i < row.sizes.size(); ++i) sizes[0] += row.sizes[i][0];
  return sizes;
}

std::vector<at::Tensor> split_blocks(const WeightRow& row, const at::Tensor& theirs) {
  std::vector<at::Tensor> parts;
  std::int64_t begin = 0;
  for (const Sizes& sizes : row.sizes) {
    parts.push_back(theirs.narrow(0, begin, sizes[0]));
    begin += sizes[0];
  }
  return parts;
}

// The shape [key-value heads, heads that belong to one, elements of a head, columns] of q, k or v.
Sizes head_sizes(const WeightRow& row, std::size_t part) {
  const std::int64_t head_dim = row.sizes[1][0] / row.num_kv_heads;
  return {row.num_kv_heads, row.sizes[part][0] / row.sizes[1][0], head_dim, -1};
}

std::vector<at::Tensor> split_heads(const WeightRow& row, const at::Tensor& theirs) {
  Sizes sizes = head_sizes(row, 0);
  const std::int64_t queries = sizes[1];
  sizes[1] = queries + 2;
  const at::Tensor heads = theirs.reshape(sizes);
  return {heads.narrow(1, 0, queries).reshape(row.sizes[0]),
          heads.select(1, queries).reshape(row.sizes[1]),
          heads.select(1, queries + 1).reshape(row.sizes[2])};
}

at::Tensor join_heads(const WeightRow& row, const std::vector<at::Tensor>& ours) {
  std::vector<at::Tensor> heads;
  for (std::size_t part = 0; part < ours.size(); ++part)
    heads.push_back(ours[part].reshape(head_sizes(row, part)));
  return at::cat(heads, 1).reshape(packed_sizes(row));
}

bool may_be_missing(const WeightRow& row, const ByName& taken) {
  const auto is_taken = [&](const std::string& name) { return taken.contains(name); };
  return row.stored == Stored::Spare ||
         (row.stored == Stored::Optional && std::ranges::all_of(row.ours, is_taken));
}

void check_finite(const WeightRow& row, const at::Tensor& tensor, const std::string& place) {
  const auto num_finite = at::isfinite(tensor).sum().item<std::int64_t>();
  check(num_finite == tensor.numel(), ErrorKind::Numeric, place, ": the tensor ", row.theirs,
        " must hold finite numbers of float32, ", tensor.numel() - num_finite, " of its ",
        tensor.numel(),
        " are NaN or infinite; download the model again, or take a checkpoint from before its "
        "training diverged");
}

}  // namespace

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const at::Tensor left = a.contiguous(), right = b.contiguous();
  return left.numel() == 0 ||
         std::memcmp(left.const_data_ptr(), right.const_data_ptr(), left.nbytes()) == 0;
}

std::vector<at::Tensor> unpack(const WeightRow& row, const at::Tensor& theirs) {
  if (row.packing == Packing::Single) return {theirs};
  std::vector<at::Tensor> parts =
      row.packing == Packing::Blocks ? split_blocks(row, theirs) : split_heads(row, theirs);
  for (at::Tensor& part : parts) part = part.contiguous().clone();
  return parts;
}

at::Tensor pack(const WeightRow& row, const std::vector<at::Tensor>& ours) {
  switch (row.packing) {
    case Packing::Single:
      return ours[0];
    case Packing::Blocks:
      return at::cat(ours);
    case Packing::Heads:
      return join_heads(row, ours);
  }
  unreachable();
}

namespace {

// Before the tensor with a number from 0.
std::string progress_text(std::size_t number, std::size_t count, double seconds) {
  const double share = static_cast<double>(number) / static_cast<double>(count);
  return concat("import weights | tensor ", number + 1, " of ", count,
                time_left_text(seconds, share));
}

}  // namespace

NamedTensors import_weights(const std::vector<WeightRow>& rows, WeightSource& source) {
  NamedTensors result;
  ByName taken;
  ProgressLine progress;
  std::size_t number = 0;
  for (const WeightRow& row : rows) {
    progress.update([&] { return progress_text(number, rows.size(), progress.seconds()); });
    ++number;
    if (!source.has(row.theirs) && may_be_missing(row, taken)) continue;
    const at::Tensor theirs = source.take(row.theirs, packed_sizes(row));
    check_finite(row, theirs, source.place());
    const auto parts = unpack(row, theirs);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto [found, is_new] = taken.emplace(row.ours[i], parts[i]);
      if (is_new) result.push_back({row.ours[i], parts[i]});
      check(is_new || same_bits(parts[i], found->second), ErrorKind::Data, source.place(), ": ",
            row.theirs, " must equal the tensor that it is tied to (", row.ours[i],
            "), it differs");
    }
  }
  return result;
}

NamedTensors export_weights(const std::vector<WeightRow>& rows, const NamedTensors& ours) {
  ByName by_name;
  for (const NamedTensor& one : ours) by_name.emplace(one.name, one.tensor);
  NamedTensors result;
  for (const WeightRow& row : rows) {
    if (row.stored == Stored::Spare) continue;
    std::vector<at::Tensor> parts;
    for (const std::string& name : row.ours) parts.push_back(by_name.at(name));
    result.push_back({row.theirs, pack(row, parts)});
  }
  return result;
}

}  // namespace longspan::interop
