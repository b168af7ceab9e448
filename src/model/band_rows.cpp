// Bands of an adaptive vocabulary, looked up where the ids come from: a GPU that is asked which
// rows are in a band must end all its work before the host knows how many.

#include "longspan/model/band_rows.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <numeric>

namespace longspan {

at::Tensor BandRows::of_band(std::size_t band) const {
  const auto first = std::accumulate(
      counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(band), std::int64_t{0});
  return rows_M.narrow(0, first, counts[band]);
}

BandRows find_band_rows(const std::vector<VocabularyBand>& bands,
                        std::span<const std::int64_t> ids) {
  const auto N = static_cast<std::int64_t>(ids.size());
  std::vector<std::int64_t> rows;
  rows.reserve(ids.size());
  BandRows result;
  for (const VocabularyBand& band : bands) {
    const auto before = rows.size();
    for (std::int64_t row = 0; row < N; ++row) {
      const std::int64_t id = ids[static_cast<std::size_t>(row)];
      if (id >= band.begin && id < band.end) rows.push_back(row);
    }
    result.counts.push_back(static_cast<std::int64_t>(rows.size() - before));
  }
  result.rows_M = at::empty({static_cast<std::int64_t>(rows.size())}, at::kLong);
  std::ranges::copy(rows, result.rows_M.mutable_data_ptr<std::int64_t>());
  const std::int64_t M = result.rows_M.numel();
  result.order_N = at::full({N}, M, at::kLong);
  auto* order = result.order_N.mutable_data_ptr<std::int64_t>();
  for (std::int64_t place = 0; place < M; ++place)
    order[rows[static_cast<std::size_t>(place)]] = place;
  return result;
}

}  // namespace longspan
