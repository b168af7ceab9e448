#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "longspan/model/config.h"
#include "longspan/model/shapes.h"

namespace longspan {

/// Which rows of some ids belong to which of some bands of the vocabulary. All tensors int64.
struct BandRows {
  std::vector<std::int64_t> counts;  ///< rows of each band
  at::Tensor rows_M;   ///< those of the first band, then the second's; ascending in each
  at::Tensor order_N;  ///< the place of row n in rows_M; M when it is in no band
  at::Tensor ids_M;    ///< ids of rows_M, each counted from its band's first

  /// Returns what a tensor over rows_M has of one band, a view.
  at::Tensor of_band(const at::Tensor& x_M, std::size_t band) const;
};

/// What an adaptive softmax is to predict.
struct TargetRows {
  at::Tensor head_ids_N;  ///< int64; a later band's ids are the first band's size + its number - 1
  BandRows tails;         ///< of the bands behind the first; an id below 0 is not counted
};

/// What a pass needs of its ids.
struct PassBandRows {
  BandRows inputs;
  TargetRows targets;
};

/// Both find them on the host. @param ids one a row; one outside all bands is in none
/// @return tensors on the CPU
BandRows find_band_rows(std::span<const VocabularyBand> bands, std::span<const std::int64_t> ids);
/// @param dialect fairseq's counts no target in the row of a later band that is the padding's in
/// the first
TargetRows find_target_rows(std::span<const VocabularyBand> bands,
                            std::span<const std::int64_t> ids, Dialect dialect);

/// Returns pointers to all tensors, for those who move them to a device.
std::vector<at::Tensor*> tensors_of(BandRows& rows);
std::vector<at::Tensor*> tensors_of(TargetRows& rows);
std::vector<at::Tensor*> tensors_of(PassBandRows& rows);

}  // namespace longspan
