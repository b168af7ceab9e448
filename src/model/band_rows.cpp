// Bands of an adaptive vocabulary, looked up where the ids come from: a GPU that is asked which
// rows are in a band must end all its work before the host knows how many, and what the host knows
// needs no kernel.

#include "longspan/model/band_rows.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <numeric>

#include "model/vocabulary_matrix.h"

namespace longspan {
namespace {

constexpr std::int64_t kNotCounted = -1;

at::Tensor tensor_of(const std::vector<std::int64_t>& values) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  std::ranges::copy(values, tensor.mutable_data_ptr<std::int64_t>());
  return tensor;
}

}  // namespace

at::Tensor BandRows::of_band(const at::Tensor& x_M, std::size_t band) const {
  const auto first = std::accumulate(
      counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(band), std::int64_t{0});
  return x_M.narrow(0, first, counts[band]);
}

BandRows find_band_rows(std::span<const VocabularyBand> bands, std::span<const std::int64_t> ids) {
  const auto N = static_cast<std::int64_t>(ids.size());
  std::vector<std::int64_t> rows, local_ids;
  rows.reserve(ids.size());
  local_ids.reserve(ids.size());
  BandRows result;
  for (const VocabularyBand& band : bands) {
    const auto before = rows.size();
    for (std::int64_t row = 0; row < N; ++row) {
      const std::int64_t id = ids[static_cast<std::size_t>(row)];
      if (id < band.begin || id >= band.end) continue;
      rows.push_back(row);
      local_ids.push_back(id - band.begin);
    }
    result.counts.push_back(static_cast<std::int64_t>(rows.size() - before));
  }
  result.rows_M = tensor_of(rows);
  result.ids_M = tensor_of(local_ids);
  const std::int64_t M = result.rows_M.numel();
  result.order_N = at::full({N}, M, at::kLong);
  auto* order = result.order_N.mutable_data_ptr<std::int64_t>();
  for (std::int64_t place = 0; place < M; ++place)
    order[rows[static_cast<std::size_t>(place)]] = place;
  return result;
}

TargetRows find_target_rows(std::span<const VocabularyBand> bands,
                            std::span<const std::int64_t> ids, Dialect dialect) {
  TargetRows result{tensor_of({ids.begin(), ids.end()}), find_band_rows(bands.subspan(1), ids)};
  const BandRows& tails = result.tails;
  auto* const head_ids = result.head_ids_N.mutable_data_ptr<std::int64_t>();
  auto* const tail_ids = tails.ids_M.mutable_data_ptr<std::int64_t>();
  const auto* row = tails.rows_M.const_data_ptr<std::int64_t>();
  std::int64_t cluster = bands.front().end;
  for (const std::int64_t count : tails.counts) {
    for (std::int64_t i = 0; i < count; ++i) head_ids[*row++] = cluster;
    ++cluster;
  }
  // fairseq takes this row of every band, not of the first alone, for the padding symbol's.
  if (dialect == Dialect::Fairseq)
    std::replace(tail_ids, tail_ids + tails.ids_M.numel(), kPaddingRow, kNotCounted);
  return result;
}

std::vector<at::Tensor*> tensors_of(BandRows& rows) {
  return {&rows.rows_M, &rows.order_N, &rows.ids_M};
}

std::vector<at::Tensor*> tensors_of(TargetRows& rows) {
  auto tensors = tensors_of(rows.tails);
  tensors.push_back(&rows.head_ids_N);
  return tensors;
}

std::vector<at::Tensor*> tensors_of(PassBandRows& rows) {
  auto tensors = tensors_of(rows.inputs);
  for (at::Tensor* tensor : tensors_of(rows.targets)) tensors.push_back(tensor);
  return tensors;
}

}  // namespace longspan
