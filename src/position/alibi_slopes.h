#pragma once

#include <cstdint>
#include <vector>

namespace longspan {

/// Returns the paper's slopes for any number of heads (arXiv:2108.12409, section 3): those of the
/// largest power of two n, then every second one of 2n, unsorted. @param max_bias the paper's is 8
std::vector<double> alibi_slopes(std::int64_t num_heads, double max_bias = 8.0);

}  // namespace longspan
