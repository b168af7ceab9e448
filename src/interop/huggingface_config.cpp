// What config.json of more than one architecture has.

#include "interop/huggingface_config.h"

#include <algorithm>
#include <sstream>

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

// What every configuration of transformers may have, and generation, training, classification and
// the outputs of Python functions alone read.
constexpr std::string_view kHarmless[] = {
    "_attn_implementation_autoset",
    "_commit_hash",
    "_name_or_path",
    "architectures",
    "attn_implementation",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "chunk_size_feed_forward",
    "cross_attention_hidden_size",
    "decoder_start_token_id",
    "diversity_penalty",
    "do_sample",
    "dtype",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "eos_token_id",
    "exponential_decay_length_penalty",
    "finetuning_task",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "gradient_checkpointing",
    "id2label",
    "initializer_range",
    "is_decoder",
    "label2id",
    "length_penalty",
    "max_length",
    "min_length",
    "model_type",
    "name_or_path",
    "no_repeat_ngram_size",
    "num_beam_groups",
    "num_beams",
    "num_labels",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "pad_token_id",
    "prefix",
    "problem_type",
    "remove_invalid_values",
    "repetition_penalty",
    "return_dict",
    "return_dict_in_generate",
    "sep_token_id",
    "suppress_tokens",
    "task_specific_params",
    "temperature",
    "tf_legacy_loss",
    "tie_encoder_decoder",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers.js_config",
    "transformers_version",
    "typical_p",
    "unk_token_id",
    "use_bfloat16",
    "use_cache",
};

double base_in(const JsonReader& config, const std::string& key, double fallback) {
  constexpr double kMost = 1e12;
  const double base = config.number(key, fallback);
  if (!(base > 1.0 && base <= kMost)) config.refuse(key, "a number above 1, at most 1e12");
  return base;
}

}  // namespace

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

double small_number(const JsonReader& config, const std::string& key, double fallback) {
  const double value = config.number(key, fallback);
  if (!(value > 0.0 && value <= 1.0)) config.refuse(key, "a number above 0, at most 1");
  return value;
}

double bounded_number(const JsonReader& config, const std::string& key, double fallback,
                      double most) {
  constexpr double kLeast = 1e-6;
  const double value = config.number(key, fallback);
  if (!(value >= kLeast && value <= most))
    config.refuse(key, concat("a number from 1e-6 to ", static_cast<std::int64_t>(most)));
  return value;
}

void check_heads(const JsonReader& config, const std::string& key, std::int64_t num_heads,
                 std::int64_t whole, const char* name_of_whole) {
  if (whole % num_heads != 0)
    config.refuse(key, concat("a divisor of ", name_of_whole, " (", whole, ")"));
}

void refuse_unknown(const JsonReader& config, std::span<const std::string_view> harmless) {
  demand(config, "add_cross_attention", {false});
  demand(config, "is_encoder_decoder", {false});
  demand(config, "pruned_heads", {Json::object()});
  for (const std::string& key : config.unread())
    if (std::ranges::find(kHarmless, key) == std::end(kHarmless) &&
        std::ranges::find(harmless, key) == harmless.end())
      config.refuse(key, "absent to be imported",
                    "; remove it from the file where the model computes the same without it");
}

void Rotation::check_turns(const JsonReader& config, const std::string& key,
                           std::int64_t head_dim) const {
  const auto turned = static_cast<std::int64_t>(fraction * static_cast<double>(head_dim));
  if (turned < 1 || turned % 2 != 0)
    config.refuse(key, concat("such that an even number of a head's ", head_dim,
                              " elements turns (", turned, " do)"));
}

// transformers 5 has rope_parameters, which rope_scaling, its name before, overrides; what those
// lack is taken from keys of the architecture.
Rotation read_rotation(const JsonReader& config, const RotaryKeys& keys) {
  const JsonReader rope =
      config.section(config.has("rope_scaling") ? "rope_scaling" : "rope_parameters");
  const double base = base_in(config, keys.base, 10000.0),
               fraction = small_number(config, keys.fraction, keys.default_fraction);
  const Rotation rotation{base_in(rope, "rope_theta", base),
                          small_number(rope, "partial_rotary_factor", fraction),
                          read_interpolation(config, rope)};
  refuse_unknown(rope, {});
  return rotation;
}

std::string Rotation::yaml() const {
  return concat("{kind: rotary, pairing: half_split, base: ", yaml_number(base),
                ", fraction: ", yaml_number(fraction), interpolation, "}");
}

Json Rotation::json() const {
  return {{"rope_type", "default"}, {"rope_theta", base}, {"partial_rotary_factor", fraction}};
}

}  // namespace longspan::interop
