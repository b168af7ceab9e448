#pragma once

#include <initializer_list>
#include <limits>
#include <string>

#include "longspan/core/json_reader.h"

namespace longspan::interop {

/// Bounds of the sizes in a config.json, so that their products cannot overflow.
inline constexpr JsonIntegerRange kSizes{1, std::numeric_limits<std::int32_t>::max()},
    kCounts{1, 4096};

/// Returns a number that YAML reads as no integer, with all digits.
std::string yaml_number(double value);

/// Refuses a model unless the key is absent or has one of the values that we can do.
void demand(const JsonReader& config, const std::string& key, std::initializer_list<Json> values);

/// Refuses a number of heads that does not divide the width.
void check_heads(const JsonReader& config, const std::string& key, std::int64_t d_model);

/// Returns the position section of a model that turns the halves of its heads. transformers 5
/// writes rope_parameters; before, the keys had the names given here.
std::string rotary_yaml(const JsonReader& config, const std::string& base_key,
                        const std::string& fraction_key);

}  // namespace longspan::interop
