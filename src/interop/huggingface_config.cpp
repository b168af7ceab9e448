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

void check_heads(const JsonReader& config, const std::string& key, std::int64_t num_heads,
                 std::int64_t d_model) {
  if (d_model % num_heads != 0)
    config.refuse(key, concat("a divisor of the model's width (", d_model, ")"));
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

// transformers 5 has rope_parameters, which rope_scaling, its name before, overrides; what those
// lack is taken from keys of the architecture.
Rotation read_rotation(const JsonReader& config, const RotaryKeys& keys) {
  const JsonReader rope =
      config.section(config.has("rope_scaling") ? "rope_scaling" : "rope_parameters");
  demand(rope, "rope_type", {"default"});
  demand(rope, "type", {"default"});
  const double base = config.number(keys.base, 10000.0),
               fraction = config.number(keys.fraction, keys.default_fraction);
  const Rotation rotation{rope.number("rope_theta", base),
                          rope.number("partial_rotary_factor", fraction)};
  refuse_unknown(rope, {});
  return rotation;
}

std::string Rotation::yaml() const {
  return concat("{kind: rotary, pairing: half_split, base: ", yaml_number(base),
                ", fraction: ", yaml_number(fraction), "}");
}

}  // namespace longspan::interop
