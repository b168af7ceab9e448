// The tokenizer of a folder of transformers. LLaMA's class reads whole texts, line breaks included,
// with a begin piece in front, and has these defaults.

#include "longspan/interop/folder_tokenizer.h"

#include "interop/folder_file.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

std::string ids(std::int64_t vocab_size) {
  return concat("{kind: ids, vocab_size: ", vocab_size, "}");
}

std::int64_t num_pieces_of(const fs::path& model) {
  interop::check_is_downloaded(model);
  TokenizerConfig config;
  config.kind = TokenizerKind::SentencePiece;
  config.train = false;
  config.unit = "document";
  config.model = model.string();
  try {
    return build_tokenizer(config, {})->vocab_size();
  } catch (const Error& cause) {
    std::throw_with_nested(Error(
        cause.kind(),
        concat(cause.what(), "; download it again, or remove it to import the model with ids")));
  }
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
  const fs::path model = folder / "tokenizer.model", settings = folder / "tokenizer_config.json";
  if (!interop::is_there(model)) {
    log::warn("no tokenizer.model in the folder: texts for this run are decimal ids between blanks",
              {{"vocab_size", vocab_size}});
    return ids(vocab_size);
  }
  const std::int64_t num_pieces = num_pieces_of(model);
  if (num_pieces != vocab_size) {
    log::warn(
        "tokenizer.model has another number of pieces than the model: texts for this run are "
        "decimal ids between blanks",
        {{"pieces", num_pieces}, {"vocab_size", vocab_size}});
    return ids(vocab_size);
  }
  const JsonReader config = interop::is_there(settings)
                                ? interop::read_folder_json(settings)
                                : JsonReader(Json::object(), settings.string());
  std::error_code failure;
  const fs::path place = fs::absolute(model, failure);
  check(!failure, ErrorKind::Data, model.string(),
        ": must have an absolute path, got: ", failure.message());
  return concat("{kind: sentencepiece, unit: document, model: ", Json(place.string()).dump(),
                options_of(config), "}");
}

}  // namespace longspan
