// Rotary's frequencies under each rule of interpolation.

#include <cmath>

#include "golden/recording.h"
#include "longspan/core/error.h"
#include "longspan/position/position.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

std::string section_of(const Json& recorded) {
  std::string section = concat("position: {kind: rotary, base: ", recorded.at("base").dump(),
                               ", interpolation_rule: ", recorded.at("rule").get<std::string>());
  for (const auto& [key, value] : recorded.at("options").items())
    section += concat(", ", key == "factor" ? "interpolation" : key, ": ", value.dump());
  return section + "}";
}

TEST_CASE("golden: rotary frequencies") {
  for (const auto& recording : testing::recordings_of("rotary_frequencies"))
    for (const auto& recorded : recording.manifest.at("cases")) {
      const std::string section = section_of(recorded);
      INFO(section);
      const auto document = config::Document::from_text(section, "recording");
      const auto head_dim = recorded.at("head_dim").get<std::int64_t>(),
                 length = recorded.at("original_length").get<std::int64_t>();
      const auto method = read_position_config(document.root().section("position"))
                              .make({.d_model = 2 * head_dim,
                                     .num_heads = 2,
                                     .head_dim = head_dim,
                                     .seq_len = length,
                                     .num_layers = 1});
      // Position 1 turns by the frequency.
      const auto angles = method->rotation({1, 1}, at::TensorOptions(at::kDouble))->key;
      const auto inv_freq = recorded.at("inv_freq").get<std::vector<double>>();
      const auto amplitude = recorded.at("attention_factor").get<double>();
      REQUIRE(angles.cos_TF.size(1) == static_cast<std::int64_t>(inv_freq.size()));
      for (std::size_t j = 0; j < inv_freq.size(); ++j) {
        const double cosine = angles.cos_TF.const_data_ptr<double>()[j],
                     sine = angles.sin_TF.const_data_ptr<double>()[j];
        CHECK(std::abs(std::hypot(cosine, sine) / amplitude - 1.0) < 1e-12);
        CHECK(std::abs(std::atan2(sine, cosine) / inv_freq[j] - 1.0) < 16 * 0x1p-24);
      }
    }
}

}  // namespace
}  // namespace longspan
