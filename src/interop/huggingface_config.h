#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "longspan/core/json_reader.h"

namespace longspan::interop {

/// Bounds of the sizes in a config.json: what our own configuration takes, so that no product
/// overflows.
inline constexpr JsonIntegerRange kSizes{1, std::int64_t{1} << 24}, kCounts{1, 4096};

/// Returns a number above 0 and at most 1, as eps of a norm and parts of a whole are.
double small_number(const JsonReader& config, const std::string& key, double fallback);

/// Returns a number from 1e-6 to `most`, which a configuration of ours can have.
double bounded_number(const JsonReader& config, const std::string& key, double fallback,
                      double most);

/// Returns a number that YAML reads as no integer, with all digits.
std::string yaml_number(double value);

/// Refuses a model unless the key is absent or has one of the values that we can do.
void demand(const JsonReader& config, const std::string& key, std::initializer_list<Json> values);

/// Refuses a number of heads, given under the key, that does not divide a whole: the model's width,
/// or the number of all heads.
void check_heads(const JsonReader& config, const std::string& key, std::int64_t num_heads,
                 std::int64_t whole, const char* name_of_whole = "the model's width");

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
  std::string interpolation = {};  ///< further keys of the position section, ", key: value" each

  /// Returns the position section.
  std::string yaml() const;
  /// Returns rope_parameters.
  Json json() const;
  /// Refuses heads, given under the key, of which no even number of elements turns.
  void check_turns(const JsonReader& config, const std::string& key, std::int64_t head_dim) const;
};

/// Returns Rotation::interpolation of rope_parameters' rope_type: default, dynamic, linear, llama3
/// or yarn.
std::string read_interpolation(const JsonReader& config, const JsonReader& rope);
Rotation read_rotation(const JsonReader& config, const RotaryKeys& keys);

}  // namespace longspan::interop
