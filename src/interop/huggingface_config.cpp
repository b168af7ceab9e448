// What config.json of more than one architecture has.

#include "interop/huggingface_config.h"

#include <sstream>

namespace longspan::interop {

std::string yaml_number(double value) {
  std::ostringstream text;
  text.precision(17);
  text << std::showpoint << value;
  return text.str();
}

void check_heads(const HuggingFaceConfig& config, std::int64_t d_model, std::int64_t num_heads) {
  if (num_heads < 1 || d_model % num_heads != 0)
    config.refuse(concat("the number of heads must divide the model's width (", d_model, "), got ",
                         num_heads));
}

std::string rotary_yaml(const HuggingFaceConfig& config, const std::string& base_key,
                        const std::string& fraction_key) {
  const Json rope = config.section("rope_parameters");
  config.demand(rope, "rope_type", "default");
  config.demand("rope_scaling", nullptr);
  const double base = rope.value("rope_theta", config.get<double>(base_key, 10000.0)),
               fraction =
                   rope.value("partial_rotary_factor", config.get<double>(fraction_key, 1.0));
  return concat("{kind: rotary, pairing: half_split, base: ", yaml_number(base),
                ", fraction: ", yaml_number(fraction), "}");
}

}  // namespace longspan::interop
