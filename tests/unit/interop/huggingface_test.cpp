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
    const PortableModel imported = import_huggingface(folder.path());
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
        "config.json: hidden_size must be an integer from 1 to 16777216, got "
        "9223372036854775808");
  CHECK(refusal_of("llama", "/rms_norm_eps", -1) ==
        "config.json: rms_norm_eps must be a number above 0, at most 1, got -1");
  CHECK(refusal_of("llama", "/rope_theta", 0) ==
        "config.json: rope_theta must be a number above 1, at most 1e12, got 0");
  CHECK(refusal_of("llama", "/num_key_value_heads", 3) ==
        "config.json: num_key_value_heads must be a divisor of num_attention_heads (2), got 3");
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
  CHECK(
      says("{\"model_type\": \"bert\"}") ==
      "config.json: model_type must be mpt, bloom, llama or gpt_neox to be imported, got \"bert\"");
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

// The same model with keys added or, where the value is null, taken away.
Json changed(const std::string& model_type, const Json& keys) {
  Json config = tiny_config(model_type);
  for (const auto& [key, value] : keys.items()) config[key] = value;
  return config;
}

TEST_CASE("huggingface: a key whose effect is unknown is refused by name") {
  for (const auto* architecture : interop::kArchitectures) {
    const std::string type(architecture->model_type);
    CHECK(refusal_of(type, "/residual_modification", "layer") ==
          "config.json: residual_modification must be absent to be imported, got \"layer\"; remove "
          "it from the file where the model computes the same without it");
    CHECK(refusal_of(type, "/quantization_config", Json{{"bits", 4}})
              .starts_with("config.json: quantization_config must be absent"));
    CHECK(refusal_of(type, "/add_cross_attention", true) ==
          "config.json: add_cross_attention must be false to be imported, got true");
    CHECK(refusal_of(type, "/unheard_of", nullptr) == "nothing was refused");
  }
}

TEST_CASE("huggingface: keys that leave what a model computes alone change nothing") {
  const Json keys{{"architectures", {"X"}},
                  {"torch_dtype", "float16"},
                  {"use_cache", false},
                  {"bos_token_id", 1},
                  {"initializer_range", 0.5},
                  {"temperature", 0.7},
                  {"pruned_heads", Json::object()}};
  for (const auto* architecture : interop::kArchitectures) {
    const std::string type(architecture->model_type);
    CHECK(yaml_of(changed(type, keys)) == yaml_of(tiny_config(type)));
  }
  CHECK(yaml_of(changed("llama", {{"attention_dropout", 0.1}, {"pretraining_tp", 2}})) ==
        yaml_of(tiny_config("llama")));
  CHECK(yaml_of(changed("gpt_neox", {{"hidden_dropout", 0.1}, {"classifier_dropout", 0.1}})) ==
        yaml_of(tiny_config("gpt_neox")));
  CHECK(yaml_of(changed("mpt", {{"init_config", {{"name", "x"}}}, {"emb_pdrop", 0.1}})) ==
        yaml_of(tiny_config("mpt")));
}

TEST_CASE("huggingface: other rotations are refused under each of their names") {
  const std::string must =
      " must be \"default\" or \"dynamic\" or \"linear\" or \"llama3\" or \"yarn\" to be imported, "
      "got \"longrope\"";
  for (const char* type : {"llama", "gpt_neox"})
    for (const std::string section : {"rope_parameters", "rope_scaling"})
      for (const std::string key : {"type", "rope_type"})
        CHECK(refusal_of(type, "/" + section + "/" + key, "longrope") ==
              "config.json: " + section + "." + key + must);
  CHECK(refusal_of("llama", "/rope_parameters/full_attention", Json::object())
            .starts_with("config.json: rope_parameters.full_attention must be absent"));
  CHECK(refusal_of("llama", "/rope_interleaved", true) ==
        "config.json: rope_interleaved must be false to be imported, got true");
}

TEST_CASE("huggingface: frequencies that change for long sequences") {
  const auto section_of = [](const char* type, const Json& rope) {
    Json config = tiny_config(type);
    config.erase("rope_parameters");
    config["rope_scaling"] = rope;
    config["max_position_embeddings"] = 4096;
    const std::string yaml = yaml_of(config);
    const std::size_t begin = yaml.find("fraction: "), end = yaml.find('}', begin);
    REQUIRE(begin != std::string::npos);
    const std::string section = yaml.substr(begin, end - begin);
    return section.substr(std::min(section.find(','), section.size()));
  };
  for (const char* type : {"llama", "gpt_neox"}) {
    CHECK(section_of(type, {{"rope_type", "default"}}) == "");
    CHECK(section_of(type, {{"rope_type", "dynamic"}, {"factor", 4.0}}) == "");
    for (const char* key : {"type", "rope_type"})
      CHECK(section_of(type, {{key, "linear"}, {"factor", 8.0}}) ==
            ", interpolation: 8.0000000000000000, interpolation_rule: linear");
    CHECK(section_of(type, {{"rope_type", "llama3"},
                            {"factor", 8},
                            {"low_freq_factor", 1.0},
                            {"high_freq_factor", 4.0},
                            {"original_max_position_embeddings", 512}}) ==
          ", interpolation: 8.0000000000000000, interpolation_rule: llama3, original_length: 512, "
          "low_freq_factor: 1.0000000000000000, high_freq_factor: 4.0000000000000000");
    CHECK(section_of(type, {{"rope_type", "yarn"},
                            {"factor", 8.0},
                            {"original_max_position_embeddings", 512}}) ==
          ", interpolation: 8.0000000000000000, interpolation_rule: yarn, original_length: 512");
    CHECK(
        section_of(
            type,
            {{"type", "yarn"}, {"factor", 2.0}, {"beta_fast", 16.0}, {"attention_factor", 1.5}}) ==
        ", interpolation: 2.0000000000000000, interpolation_rule: yarn, original_length: 4096, "
        "beta_fast: 16.000000000000000, attention_factor: 1.5000000000000000");
  }
  const auto refused = [](const Json& rope, const std::string& start) {
    CHECK_THAT(refusal_of("llama", "/rope_parameters", rope),
               Catch::Matchers::StartsWith("config.json: rope_parameters." + start));
  };
  refused({{"rope_type", "linear"}}, "factor must be");
  refused({{"rope_type", "dynamic"}, {"factor", 0.5}}, "factor must be a number from 1 to 1e6");
  refused({{"rope_type", "linear"}, {"factor", 0.5}}, "factor must be a number from 1 to 1e6");
  refused({{"rope_type", "linear"}, {"type", "yarn"}, {"factor", 2.0}}, "type must be");
  refused({{"rope_type", "linear"}, {"factor", 2.0}, {"beta_fast", 8}}, "beta_fast must be absent");
  refused({{"rope_type", "llama3"}, {"factor", 2.0}}, "original_max_position_embeddings must be");
  refused({{"rope_type", "yarn"}, {"factor", 3.0}, {"original_max_position_embeddings", 5}},
          "factor must be max_position_embeddings");
  refused({{"rope_type", "yarn"}, {"factor", 3.0}, {"mscale", 0.7}}, "mscale must be");
}

TEST_CASE("huggingface: how much of a GPT-NeoX head turns") {
  const auto has_fraction = [](const Json& keys, const std::string& fraction) {
    Json config = changed("gpt_neox", keys);
    config["num_attention_heads"] = 1;  // of 8 elements, of which quarters are even
    const std::string yaml = yaml_of(config);
    INFO(yaml);
    return yaml.find("fraction: " + fraction) != std::string::npos;
  };
  CHECK(has_fraction({{"rotary_pct", nullptr}}, "0.25"));
  CHECK(has_fraction({{"rotary_pct", 1.0}}, "1.0"));
  CHECK(
      has_fraction({{"rotary_pct", nullptr}, {"rope_parameters", {{"rope_theta", 1e4}}}}, "0.25"));
  CHECK(has_fraction({{"rope_parameters", {{"partial_rotary_factor", 0.75}}}}, "0.75"));
  CHECK(has_fraction({{"partial_rotary_factor", 0.5}, {"rope_theta", 10000}}, "0.5"));
  CHECK(refusal_of("gpt_neox", "/partial_rotary_factor", 0.75) ==
        "config.json: partial_rotary_factor must be 0.5 to be imported, got 0.75");
  CHECK(refusal_of("gpt_neox", "/rope_theta", 5000) ==
        "config.json: rope_theta must be 10000.0 to be imported, got 5000");
  CHECK(refusal_of("gpt_neox", "/rotary_pct", 0.25) ==
        "config.json: rotary_pct must be such that an even number of a head's 4 elements turns (1 "
        "do), got 0.25");
  CHECK(refusal_of("gpt_neox", "/head_dim", 2) ==
        "config.json: head_dim must be 4 to be imported, got 2");
}

TEST_CASE("huggingface: the whole of a LLaMA head turns, whatever the file says") {
  const std::string plain = yaml_of(tiny_config("llama"));
  CHECK(plain.find("fraction: 1.0") != std::string::npos);
  CHECK(yaml_of(changed("llama", {{"partial_rotary_factor", 0.5}})) == plain);
  CHECK(yaml_of(changed("llama", {{"rope_parameters", {{"partial_rotary_factor", 0.5}}}})) ==
        plain);
}

// Whether the configuration that comes of a model with these keys has a text.
bool has(const std::string& model_type, const Json& keys, const std::string& text) {
  const std::string yaml = yaml_of(changed(model_type, keys));
  INFO(yaml);
  return yaml.find(text) != std::string::npos;
}

TEST_CASE("huggingface: biases of attention, apart from the others") {
  CHECK(has("gpt_neox", {}, "\n  bias: true\n  attention_bias: true\n"));
  CHECK(has("gpt_neox", {{"attention_bias", false}}, "\n  bias: true\n  attention_bias: false\n"));
  CHECK(has("llama", {}, "\n  bias: false\n  attention_bias: false\n"));
  CHECK(has("llama", {{"attention_bias", true}}, "\n  bias: false\n  attention_bias: true\n"));
}

TEST_CASE("huggingface: LLaMA's heads may have a width of their own") {
  CHECK_FALSE(has("llama", {{"head_dim", 4}}, "head_dim"));
  CHECK(has("llama", {{"head_dim", 6}}, "\n  head_dim: 6\n"));
  CHECK(has("llama", {{"head_dim", 2}}, "\n  head_dim: 2\n"));
  CHECK(refusal_of("llama", "/head_dim", 3) ==
        "config.json: head_dim must be such that an even number of a head's 3 elements turns (3 "
        "do), got 3");
  CHECK(refusal_of("llama", "/head_dim", 0) ==
        "config.json: head_dim must be an integer from 1 to 4096, got 0");
  CHECK(
      refusal_of("llama", "/num_attention_heads", 3)
          .starts_with("config.json: num_attention_heads must be a divisor of the model's width"));
}

TEST_CASE("huggingface: BLOOM's names of sizes") {
  const std::string plain = yaml_of(tiny_config("bloom"));
  CHECK(plain.find("embedding: {kind: plain, tie: true, scale: false, norm: true}") !=
        std::string::npos);
  CHECK(plain.find("position: {kind: alibi}") != std::string::npos);
  Json other = tiny_config("bloom");
  for (const auto& [from, to] :
       {std::pair{"hidden_size", "n_embed"}, std::pair{"n_head", "num_attention_heads"},
        std::pair{"n_layer", "num_hidden_layers"}}) {
    other[to] = other[from];
    CHECK(yaml_of(other) == plain);
    other.erase(from);
    CHECK(yaml_of(other) == plain);
  }
  CHECK(refusal_of("bloom", "/n_embed", 16) ==
        "config.json: hidden_size must be 16 to be imported, got 8");
  CHECK(refusal_of("bloom", "/n_inner", 16) ==
        "config.json: n_inner must be 32 to be imported, got 16");
  CHECK(refusal_of("bloom", "/apply_residual_connection_post_layernorm", true) ==
        "config.json: apply_residual_connection_post_layernorm must be false to be imported, got "
        "true");
}

TEST_CASE("huggingface: names of a model without its head get its prefix") {
  for (const auto* architecture : interop::kArchitectures) {
    const HuggingFaceFolder folder(tiny_config(std::string(architecture->model_type)));
    const PortableModel wanted = import_huggingface(folder.path());
    const auto file = folder.path() / "model.safetensors";
    NamedTensors bare = read_safetensors(file);
    const bool has_head = std::ranges::any_of(
        bare, [&](const auto& one) { return !one.name.starts_with(architecture->prefix); });
    if (has_head) continue;  // mpt and bloom are tied by default
    for (auto& [name, tensor] : bare) {
      tensor = tensor.clone();  // the file is mapped
      name = name.substr(architecture->prefix.size());
    }
    std::filesystem::remove(file);
    write_safetensors(file, bare, {});
    const PortableModel got = import_huggingface(folder.path());
    REQUIRE(got.parameters.size() == wanted.parameters.size());
    for (std::size_t i = 0; i < got.parameters.size(); ++i)
      CHECK(got.parameters[i].tensor.equal(wanted.parameters[i].tensor));
  }
}

TEST_CASE("huggingface: MPT's numbers of attention") {
  const auto with = [](const std::string& key, const Json& value) {
    Json keys{{"alibi", true}};
    keys[key] = value;
    return Json{{"attn_config", keys}};
  };
  CHECK(has("mpt", with("alibi_bias_max", 4), "{kind: alibi, max_bias: 4.0"));
  CHECK(has("mpt", with("alibi_bias_max", 8), "{kind: alibi}"));
  CHECK(has("mpt", with("softmax_scale", 0.25), "{kind: alibi, score_scale: 0.25"));
  CHECK(has("mpt", with("clip_qkv", 6), "\n  clip_qkv: 6.0"));
  CHECK_FALSE(has("mpt", with("clip_qkv", 0), "clip_qkv"));
  CHECK(refusal_of("mpt", "/attn_config/clip_qkv", -1) ==
        "config.json: attn_config.clip_qkv must be a number from 1e-6 to 1000000, got -1");
  CHECK(refusal_of("mpt", "/attn_config/softmax_scale", 0) ==
        "config.json: attn_config.softmax_scale must be a number from 1e-6 to 1000000, got 0");
  CHECK(refusal_of("mpt", "/attn_config/alibi_bias_max", 2000) ==
        "config.json: attn_config.alibi_bias_max must be a number from 1e-6 to 1024, got 2000");
}

TEST_CASE("huggingface: MPT's keys that change what it computes") {
  const auto named = [](const std::string& place, const Json& value, const std::string& start) {
    CHECK(refusal_of("mpt", place, value).starts_with("config.json: " + start));
  };
  named("/norm_type", "rmsnorm",
        "norm_type must be \"low_precision_layernorm\" or \"layernorm\" to be imported, got \"rms");
  named("/norm_eps", 1e-3, "norm_eps must be");
  named("/fc_type", "te", "fc_type must be \"torch\"");
  named("/ffn_config/ffn_type", "mptglu", "ffn_config.ffn_type must be \"mptmlp\"");
  named("/ffn_config/ffn_act_fn", Json{{"name", "relu"}},
        "ffn_config.ffn_act_fn.name must be \"gelu\" to be imported, got \"relu\"");
  named("/ffn_config/ffn_act_fn", Json{{"name", "gelu"}, {"approximate", "tanh"}},
        "ffn_config.ffn_act_fn.approximate must be \"none\"");
  named("/attn_config/rope", true, "attn_config.rope must be false");
  named("/attn_config/sliding_window_size", 8, "attn_config.sliding_window_size must be -1");
  named("/attn_config/kv_n_heads", 1, "attn_config.kv_n_heads must be 2");
  named("/attn_config/attn_logit_softcapping", 30.0,
        "attn_config.attn_logit_softcapping must be absent");
  named("/attn_config/alibi", false, "attn_config.alibi must be true");
  const Json same{{"norm_type", "layernorm"},
                  {"norm_eps", 1e-5},
                  {"ffn_config", {{"ffn_type", "mptmlp"}, {"ffn_act_fn", {{"name", "gelu"}}}}},
                  {"attn_config",
                   {{"alibi", true},
                    {"sliding_window_size", -1},
                    {"rope", false},
                    {"attn_pdrop", 0.1},
                    {"id2label", {{"0", "LABEL_0"}}}}}};
  CHECK(yaml_of(changed("mpt", same)) == yaml_of(tiny_config("mpt")));
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
