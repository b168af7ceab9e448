#pragma once

#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "longspan/core/json_reader.h"

namespace longspan::interop {

/// Bounds of the sizes in a config.json, so that their products cannot overflow.
inline constexpr JsonIntegerRange kSizes{1, std::numeric_limits<std::int32_t>::max()},
    kCounts{1, 4096};

/// Returns a number that YAML reads as no integer, with all digits.
std::string yaml_number(double value);

/// Refuses a model unless the key is absent or has one of the values that we can do.
void demand(const JsonReader& config, const std::string& key, std::initializer_list<Json> values);

/// Refuses a number of heads, given under the key, that does not divide the width.
void check_heads(const JsonReader& config, const std::string& key, std::int64_t num_heads,
                 std::int64_t d_model);

/// Refuses keys that were neither asked for nor leave what the model computes as it is. @param
/// harmless those of this architecture, beyond the ones that all configurations of transformers
/// have
void refuse_unknown(const JsonReader& config, std::span<const std::string_view> harmless);

/// Which keys of an architecture tell how the heads turn, besides those of `rope_parameters`.
struct RotaryKeys {
  std::string base;
  std::string fraction;  ///< of a head that turns
  double default_fraction = 1.0;
};

/// How the halves of heads turn.
struct Rotation {
  double base, fraction;

  /// Returns the position section.
  std::string yaml() const;
};

Rotation read_rotation(const JsonReader& config, const RotaryKeys& keys);

}  // namespace longspan::interop
