// config.json and the index of a folder of transformers: what is understood, what is refused by
// name. Whole models are compared with recordings in tests/golden.

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "unit/interop/huggingface_folder.h"

namespace longspan {
namespace {

using testing::HuggingFaceFolder;
using testing::tiny_config;

std::string refusal(const std::filesystem::path& folder) {
  try {
    import_huggingface(folder);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    const std::string text = error.what(), begin = folder.string() + "/";
    CHECK(text.starts_with(begin));
    return text.substr(std::min(begin.size(), text.size()));
  }
  return "nothing was refused";
}

// The error for a model whose config.json has one other value, at a place such as "/a/b".
std::string refusal_of(const std::string& model_type, const std::string& place, const Json& value) {
  Json config = tiny_config(model_type);
  config[Json::json_pointer(place)] = value;
  return refusal(HuggingFaceFolder(config).path());
}

std::string yaml_of(const Json& config) {
  return import_huggingface(HuggingFaceFolder(config).path()).config_yaml;
}

TEST_CASE("huggingface: the tiny model of each architecture is read") {
  for (const auto* architecture : interop::kArchitectures) {
    const HuggingFaceFolder folder(tiny_config(std::string(architecture->model_type)));
    const ImportedModel imported = import_huggingface(folder.path());
    CHECK(imported.vocab_size == 12);
    CHECK(imported.seq_len == 16);
    CHECK_FALSE(imported.parameters.empty());
  }
}

TEST_CASE("huggingface: a value of another type is named with its key") {
  CHECK(refusal_of("llama", "/num_hidden_layers", "2") ==
        "config.json: num_hidden_layers must be an integer from 1 to 4096, got \"2\"");
  CHECK(refusal_of("llama", "/num_hidden_layers", 1.5) ==
        "config.json: num_hidden_layers must be an integer from 1 to 4096, got 1.5");
  CHECK(refusal_of("llama", "/num_hidden_layers", 0) ==
        "config.json: num_hidden_layers must be an integer from 1 to 4096, got 0");
  CHECK(refusal_of("llama", "/hidden_size", std::uint64_t{1} << 63) ==
        "config.json: hidden_size must be an integer from 1 to 2147483647, got "
        "9223372036854775808");
  CHECK(refusal_of("llama", "/rms_norm_eps", "1e-6") ==
        "config.json: rms_norm_eps must be a number, got \"1e-6\"");
  CHECK(refusal_of("llama", "/tie_word_embeddings", "false") ==
        "config.json: tie_word_embeddings must be true or false, got \"false\"");
  CHECK(refusal_of("llama", "/tie_word_embeddings", 0) ==
        "config.json: tie_word_embeddings must be true or false, got 0");
  CHECK(refusal_of("llama", "/rope_parameters", Json::array({1})) ==
        "config.json: rope_parameters must be an object, got a list");
  CHECK(refusal_of("llama", "/rope_parameters/rope_theta", Json::object()) ==
        "config.json: rope_parameters.rope_theta must be a number, got an object");
  CHECK(refusal_of("gpt_neox", "/hidden_act", 3) ==
        "config.json: hidden_act must be a text, got 3");
  CHECK(refusal_of("gpt_neox", "/rotary_pct", true) ==
        "config.json: rotary_pct must be a number, got true");
  CHECK(refusal_of("mpt", "/attn_config", "alibi") ==
        "config.json: attn_config must be an object, got \"alibi\"");
  CHECK(refusal_of("mpt", "/expansion_ratio", "4") ==
        "config.json: expansion_ratio must be an integer from 1 to 1024, got \"4\"");
}

TEST_CASE("huggingface: what is not one object is refused") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  const auto says = [&](const std::string& text) {
    write_file_durably(folder.path() / "config.json", text);
    return refusal(folder.path());
  };
  CHECK(says("[]") == "config.json: must be an object, got a list");
  CHECK(says("null") == "config.json: must be an object, got null");
  CHECK(says("{}") == "config.json: model_type must be given");
  CHECK(says("{\"model_type\": [1]}") == "config.json: model_type must be a text, got a list");
  CHECK(says("{\"model_type\": \"bert\"}") ==
        "config.json: model_type must be mpt, llama or gpt_neox to be imported, got \"bert\"");
}

TEST_CASE("huggingface: null is as good as absent") {
  const std::string plain = yaml_of(tiny_config("llama"));
  for (const char* place :
       {"/rope_parameters", "/rope_scaling", "/num_key_value_heads", "/head_dim", "/rms_norm_eps",
        "/rope_parameters/rope_theta", "/rope_parameters/partial_rotary_factor"}) {
    INFO(place);
    Json config = tiny_config("llama");
    config[Json::json_pointer(place)] = nullptr;
    CHECK(yaml_of(config) == plain);
  }
  CHECK(refusal_of("mpt", "/attn_config", nullptr) ==
        "config.json: attn_config.alibi must be true to be imported, got nothing");
}

TEST_CASE("huggingface: an index of other types is refused") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  const std::string name = "model.safetensors.index.json: ";
  const auto says = [&](const std::string& text) {
    write_file_durably(folder.path() / "model.safetensors.index.json", text);
    return refusal(folder.path());
  };
  CHECK(says("[]") == name + "must be an object, got a list");
  CHECK(says("{\"metadata\": {}}") == name + "weight_map must be given");
  CHECK(says("{\"weight_map\": [1, 2]}") == name + "weight_map must be an object, got a list");
  CHECK(says("{\"weight_map\": {\"a\": 3}}") == name + "weight_map.a must be a text, got 3");
  CHECK(says("{\"weight_map\": {\"a\": null}}") == name + "weight_map.a must be given");
  CHECK(says("{\"weight_map\": {\"a\": \"../x\"}}") ==
        name + "weight_map.a must be a file of the same folder, got \"../x\"");
  CHECK(says("{\"weight_map\": {\"a\": \"model.safetensors\"}}") == "nothing was refused");
}

}  // namespace
}  // namespace longspan
