// What config.json of more than one architecture has.

#include "interop/huggingface_config.h"

#include <algorithm>
#include <sstream>

#include "longspan/core/error.h"

namespace longspan::interop {

std::string yaml_number(double value) {
  std::ostringstream text;
  text.precision(17);
  text << std::showpoint << value;
  return text.str();
}

void demand(const JsonReader& config, const std::string& key, std::initializer_list<Json> values) {
  const auto is_held = [&](const Json& value) { return config.holds(key, value); };
  if (!config.has(key) || std::ranges::any_of(values, is_held)) return;
  std::string wanted;
  for (const Json& value : values) wanted += (wanted.empty() ? "" : " or ") + value.dump();
  config.refuse(key, (wanted.empty() ? "null" : wanted) + " to be imported");
}

void check_heads(const JsonReader& config, const std::string& key, std::int64_t d_model) {
  if (d_model % config.integer(key, kCounts) != 0)
    config.refuse(key, concat("a divisor of the model's width (", d_model, ")"));
}

std::string rotary_yaml(const JsonReader& config, const std::string& base_key,
                        const std::string& fraction_key) {
  demand(config, "rope_scaling", {});
  const JsonReader rope = config.section("rope_parameters");
  demand(rope, "rope_type", {"default"});
  const double base = rope.number("rope_theta", config.number(base_key, 10000.0)),
               fraction = rope.number("partial_rotary_factor", config.number(fraction_key, 1.0));
  return concat("{kind: rotary, pairing: half_split, base: ", yaml_number(base),
                ", fraction: ", yaml_number(fraction), "}");
}

}  // namespace longspan::interop
