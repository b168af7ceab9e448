// Weights in another project's files. One file's tensors are made at a time, so that a model in
// several takes little more memory than itself.

#include "interop/exported_weights.h"

#include <ATen/ops/isfinite.h>

#include <cstdio>
#include <string>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/core/progress.h"

namespace longspan::interop {
namespace {

using Rows = std::vector<WeightRow>;

std::int64_t bytes_of(const WeightRow& row, at::ScalarType dtype) {
  std::int64_t count = 0;
  for (const auto& sizes : row.sizes) {
    std::int64_t product = 1;
    for (const std::int64_t size : sizes) product *= size;
    count += product;
  }
  return count * static_cast<std::int64_t>(c10::elementSize(dtype));
}

// Spreads the rows that are written over files, in their order.
std::vector<Rows> spread(const Rows& rows, const WeightFiles& files) {
  std::vector<Rows> result(1);
  std::int64_t filled = 0;
  for (const WeightRow& row : rows) {
    if (row.stored == Stored::Spare) continue;
    const std::int64_t bytes = bytes_of(row, files.dtype);
    if (!result.back().empty() && filled + bytes > files.max_file_bytes) {
      result.emplace_back();
      filled = 0;
    }
    result.back().push_back(row);
    filled += bytes;
  }
  return result;
}

std::int64_t num_finite(const at::Tensor& tensor) {
  return at::isfinite(tensor).sum().item<std::int64_t>();
}

NamedTensors tensors_of(const Rows& rows, const NamedTensors& ours, at::ScalarType dtype) {
  NamedTensors tensors = export_weights(rows, ours);
  for (auto& [name, tensor] : tensors) tensor = converted(name, tensor.detach(), dtype);
  return tensors;
}

std::string file_name(std::size_t number, std::size_t count) {
  if (count == 1) return "model.safetensors";
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", number, count);
  return name;
}

}  // namespace

at::Tensor converted(const std::string& name, const at::Tensor& tensor, at::ScalarType dtype) {
  const std::int64_t finite = num_finite(tensor);
  check(finite == tensor.numel(), ErrorKind::Numeric, "the tensor ", name,
        " must hold finite numbers, ", tensor.numel() - finite, " of its ", tensor.numel(),
        " are NaN or infinite; take a checkpoint from before training diverged");
  const at::Tensor result = tensor.to(dtype);
  const std::int64_t lost = tensor.numel() - num_finite(result);
  check(lost == 0, ErrorKind::Config, "the tensor ", name, " must hold numbers that ", dtype,
        " can, ", lost, " of its ", tensor.numel(), " are too large; export in bf16 or fp32");
  return result;
}

void write_weight_files(const std::filesystem::path& folder, const Rows& rows,
                        const NamedTensors& ours, const WeightFiles& files) {
  const std::vector<Rows> spread_rows = spread(rows, files);
  std::int64_t all_bytes = 0;
  for (const Rows& of_file : spread_rows)
    for (const WeightRow& row : of_file) all_bytes += bytes_of(row, files.dtype);
  ByteProgress progress("export weights", all_bytes);
  Json map = Json::object();
  std::int64_t total = 0;
  for (std::size_t i = 0; i < spread_rows.size(); ++i) {
    const std::string name = file_name(i + 1, spread_rows.size());
    write_safetensors(folder / name, tensors_of(spread_rows[i], ours, files.dtype),
                      {{"format", "pt"}});
    for (const WeightRow& row : spread_rows[i]) {
      progress.add(bytes_of(row, files.dtype));
      map[row.theirs] = name;
      total += bytes_of(row, files.dtype);
    }
  }
  if (spread_rows.size() > 1)
    write_json(folder / "model.safetensors.index.json",
               {{"metadata", {{"total_size", total}}}, {"weight_map", map}});
}

}  // namespace longspan::interop
