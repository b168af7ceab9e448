#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "longspan/model/shapes.h"

namespace longspan {

/// Which rows of some ids belong to which band of the vocabulary.
struct BandRows {
  std::vector<std::int64_t> counts;  ///< rows of each band
  at::Tensor rows_M;   ///< int64, those of the first band, then the second's; ascending in each
  at::Tensor order_N;  ///< int64, the place of row n in rows_M; M when it is in no band

  /// Returns the rows of one band, a view into rows_M.
  at::Tensor of_band(std::size_t band) const;
};

/// Finds them on the host. @param ids one a row; one outside all bands is in none
/// @return tensors on the CPU
BandRows find_band_rows(const std::vector<VocabularyBand>& bands,
                        std::span<const std::int64_t> ids);

/// What a pass needs of its ids.
struct PassBandRows {
  BandRows inputs, targets;
};

}  // namespace longspan
