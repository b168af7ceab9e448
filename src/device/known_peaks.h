#pragma once

#include <c10/core/ScalarType.h>

#include <optional>
#include <string_view>

namespace longspan {

/// Returns the FLOP a second that the maker of a GPU gives for dense matrix products with inputs of
/// a type and sums in float32; nothing for a GPU, a part of one (MIG) or a type that is not known.
std::optional<double> known_peak(std::string_view gpu, c10::ScalarType dtype);

}  // namespace longspan
