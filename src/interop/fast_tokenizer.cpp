// What the tokenizer.json of every kind has.

#include "interop/fast_tokenizer.h"

#include "longspan/core/error.h"
#include "longspan/core/files.h"

namespace longspan::interop::fast_tokenizer {

Json replace(const std::string& regex, const std::string& text) {
  return {{"type", "Replace"}, {"pattern", {{"Regex", regex}}}, {"content", text}};
}

Json with_start(const std::string& token, std::int32_t id) {
  const Json special{{"SpecialToken", {{"id", token}, {"type_id", 0}}}},
      first{{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
      second{{"Sequence", {{"id", "B"}, {"type_id", 0}}}};
  return {
      {"type", "TemplateProcessing"},
      {"single", Json::array({special, first})},
      {"pair", Json::array({special, first, second})},
      {"special_tokens",
       {{token, {{"id", token}, {"ids", Json::array({id})}, {"tokens", Json::array({token})}}}}}};
}

Json document(const Json& parts) {
  Json result{{"version", "1.0"},          {"truncation", nullptr},
              {"padding", nullptr},        {"added_tokens", Json::array()},
              {"normalizer", nullptr},     {"pre_tokenizer", nullptr},
              {"post_processor", nullptr}, {"decoder", nullptr}};
  result.update(parts);
  return result;
}

std::string text_of(const Json& document) {
  try {
    return document.dump(2) + "\n";
  } catch (const Json::exception& cause) {
    throw Error(ErrorKind::Data,
                concat(kFile, ": the tokenizer must hold UTF-8 alone: ", cause.what()));
  }
}

void write(const std::filesystem::path& folder, const Json& document, const Json& settings) {
  write_file_durably(folder / kFile, text_of(document));
  Json all{{"tokenizer_class", "PreTrainedTokenizerFast"},
           {"clean_up_tokenization_spaces", false},
           {"model_input_names", {"input_ids", "attention_mask"}}};
  if (!settings.is_null()) all.update(settings);
  write_json(folder / kSettingsFile, all);
}

}  // namespace longspan::interop::fast_tokenizer
