// rope_type in config.json: how rotary's frequencies change. `dynamic` changes them where a
// sequence is longer than the trained length alone, by how much longer it is, so that a token's key
// is another in each step of decoding: that part has no counterpart here.

#include "interop/huggingface_config.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan::interop {
namespace {

std::string key_and(const std::string& key, const std::string& value) {
  return concat(", ", key, ": ", value);
}

double factor_of(const JsonReader& rope) {
  const double factor = rope.number("factor");
  if (!(factor >= 1.0 && factor <= 1e6)) rope.refuse("factor", "a number from 1 to 1e6");
  return factor;
}

// Copies a number where it is given.
std::string number_in(const JsonReader& rope, const std::string& key) {
  return rope.has(key) ? key_and(key, yaml_number(rope.number(key))) : "";
}

std::string linear(const JsonReader&, const JsonReader&) { return ""; }

std::string llama3(const JsonReader&, const JsonReader& rope) {
  const auto length = rope.integer("original_max_position_embeddings", kSizes);
  return key_and("original_length", std::to_string(length)) +
         key_and("low_freq_factor", yaml_number(rope.number("low_freq_factor"))) +
         key_and("high_freq_factor", yaml_number(rope.number("high_freq_factor")));
}

std::string yarn(const JsonReader& config, const JsonReader& rope) {
  constexpr const char* kOriginal = "original_max_position_embeddings";
  const auto whole = config.integer("max_position_embeddings", kSizes, 2048);
  const auto length = rope.integer(kOriginal, kSizes, whole);
  if (rope.has(kOriginal) &&
      factor_of(rope) * static_cast<double>(length) != static_cast<double>(whole))
    rope.refuse("factor", concat("max_position_embeddings (", whole, ") / ", kOriginal, " (",
                                 length, "), since versions of transformers take either"));
  demand(rope, "mscale", {});
  demand(rope, "mscale_all_dim", {});
  demand(rope, "truncate", {true});
  return key_and("original_length", std::to_string(length)) + number_in(rope, "beta_fast") +
         number_in(rope, "beta_slow") + number_in(rope, "attention_factor");
}

void warn_of_dynamic(const JsonReader& rope) {
  log::warn(
      "rope_type dynamic: scores are those of transformers up to max_position_embeddings; for a "
      "sequence N times as long set position.interpolation_rule: ntk, position.interpolation: "
      "factor N - (factor - 1)",
      {{"factor", factor_of(rope)}});
}

struct RopeType {
  const char* name;
  std::string (*read)(const JsonReader& config, const JsonReader& rope);
};
constexpr RopeType kTypes[] = {{"linear", linear}, {"llama3", llama3}, {"yarn", yarn}};

}  // namespace

std::string read_interpolation(const JsonReader& config, const JsonReader& rope) {
  // `type` is the older name.
  for (const char* key : {"rope_type", "type"})
    demand(rope, key, {"default", "dynamic", "linear", "llama3", "yarn"});
  const std::string own = rope.text("rope_type", "default"), type = rope.text("type", own);
  if (rope.has("rope_type")) demand(rope, "type", {own});
  if (type == "dynamic") warn_of_dynamic(rope);
  for (const auto& [name, read] : kTypes)
    if (type == name)
      return key_and("interpolation", yaml_number(factor_of(rope))) +
             key_and("interpolation_rule", name) + read(config, rope);
  return "";
}

}  // namespace longspan::interop
