// The tokenizer of a folder of transformers: one of ours that went out, or a SentencePiece model.
// LLaMA's class reads whole texts, line breaks included, with a begin piece in front, and has these
// defaults.

#include "longspan/interop/folder_tokenizer.h"

#include "interop/exported_sentencepiece.h"
#include "interop/folder_file.h"
#include "interop/own_tokenizer.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

std::string ids(std::int64_t vocab_size) {
  return concat("{kind: ids, vocab_size: ", vocab_size, "}");
}

// Falls back to ids where a tokenizer is of another model.
std::string fitted(const std::string& section, std::int64_t num_ids, std::int64_t vocab_size) {
  if (num_ids == vocab_size) return section;
  log::warn(
      "the folder's tokenizer has another number of ids than the model: texts for this run are "
      "decimal ids between blanks",
      {{"tokenizer", num_ids}, {"vocab_size", vocab_size}});
  return ids(vocab_size);
}

// A special token is a text, or an object with the text.
std::string token(const JsonReader& config, const std::string& key, const std::string& fallback) {
  return config.is_object(key) ? config.section(key).text("content") : config.text(key, fallback);
}

// Returns the options of data.tokenizer that tokenizer_config.json decides.
std::string options_of(const JsonReader& config) {
  const std::string name = config.text("tokenizer_class", "LlamaTokenizer");
  if (name.find("Llama") == std::string::npos && name != "PreTrainedTokenizerFast")
    log::warn("the folder's tokenizer_class is not known: its texts may get other ids there",
              {{"tokenizer_class", name}});
  if (config.boolean("add_eos_token", false))
    log::warn("add_eos_token: transformers ends every text with a token, which is left out here",
              {{"eos_token", token(config, "eos_token", "</s>")}});
  const std::string start = config.boolean("add_bos_token", true)
                                ? token(config, "bos_token", "")
                                : token(config, "eos_token", "</s>");
  std::string options = start.empty() ? "" : concat(", start: ", Json(start).dump());
  if (!config.boolean("add_prefix_space", true)) options += ", prefix_space: false";
  return options;
}

}  // namespace

std::string folder_tokenizer(const fs::path& folder, std::int64_t vocab_size) {
  if (const auto own = interop::own_tokenizer(folder))
    return fitted(own->section, own->vocab_size, vocab_size);
  const fs::path model = folder / interop::kSentencePieceFile,
                 settings = folder / "tokenizer_config.json";
  if (!interop::is_there(model)) {
    log::warn(
        "the folder has no tokenizer.model, nor a tokenizer.json that longspan wrote: texts for "
        "this run are decimal ids between blanks",
        {{"vocab_size", vocab_size}});
    return ids(vocab_size);
  }
  const std::string section =
      concat("{kind: sentencepiece, unit: document, model: ", interop::quoted_path(model));
  const std::int64_t num_pieces = interop::tokenizer_of(section + "}", model)->vocab_size();
  if (num_pieces != vocab_size) return fitted(section, num_pieces, vocab_size);
  const JsonReader config = interop::is_there(settings)
                                ? interop::read_folder_json(settings)
                                : JsonReader(Json::object(), settings.string());
  return concat(section, options_of(config), "}");
}

}  // namespace longspan
