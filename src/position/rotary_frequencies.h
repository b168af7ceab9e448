#pragma once

#include <cstdint>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/position/options.h"

namespace longspan {

/// What a rule of interpolation makes of rotary's frequencies.
struct RotaryFrequencies {
  std::vector<long double> values;  ///< radians a position, one a pair
  double amplitude = 1.0;           ///< multiplies the turned elements of queries and of keys
};

/// Reads the keys that the rule knows. @throws Error(Config)
void read(const config::Reader& reader, RotaryInterpolation& interpolation);
/// @param seq_len the trained length @throws Error(Config) where it is needed and not known
RotaryFrequencies rotary_frequencies(const RotaryOptions& options, std::int64_t num_pairs,
                                     std::int64_t seq_len);

}  // namespace longspan
