#include "golden/recording.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/files.h"
#include "support/paths.h"
#include "support/start_only_tokenizer.h"
#include "support/torch_catch.h"

namespace longspan::testing {
namespace {

std::vector<std::filesystem::path> folders_of(const char* variable) {
  std::vector<std::filesystem::path> folders;
  const char* text = std::getenv(variable);
  std::istringstream list(text == nullptr ? "" : text);
  for (std::string folder; std::getline(list, folder, ':');)
    if (!folder.empty()) folders.emplace_back(folder);
  return folders;
}

void add_recordings(const std::filesystem::path& root, std::vector<Recording>& recordings) {
  REQUIRE(std::filesystem::is_directory(root));
  for (const auto& entry : std::filesystem::directory_iterator(root))
    if (entry.is_regular_file() && entry.path().extension() == ".json")
      recordings.push_back({entry.path().stem().string(), root, read_json(entry.path())});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    if (entry.path().filename() == "manifest.json") {
      const auto folder = entry.path().parent_path();
      recordings.push_back(
          {std::filesystem::relative(folder, root).string(), folder, read_json(entry.path())});
    }
}

std::string position_yaml(const std::string& method) {
  if (method == "rotary") return "{kind: rotary, pairing: half_split}";
  if (method == "rotary_gptj") return "{kind: rotary, pairing: interleaved}";
  return "{kind: " + method + "}";
}

}  // namespace

std::map<std::string, at::Tensor> Recording::tensors() const {
  std::map<std::string, at::Tensor> result;
  for (const auto& saved : read_safetensors(folder / "tensors.safetensors"))
    result[saved.name] = saved.tensor;
  return result;
}

std::vector<Recording> all_recordings() {
  std::vector<Recording> recordings;
  add_recordings(source_folder() / "tests/golden", recordings);
  for (const auto& folder : folders_of("LONGSPAN_GOLDEN_DIR")) add_recordings(folder, recordings);
  return recordings;
}

std::vector<Recording> recordings_of(const std::string& kind) {
  std::vector<Recording> recordings = all_recordings();
  std::erase_if(recordings, [&](const Recording& recording) { return recording.kind() != kind; });
  if (recordings.empty()) SKIP("no recordings of the kind " << kind << "; see LONGSPAN_GOLDEN_DIR");
  return recordings;
}

std::optional<std::filesystem::path> find_text(const std::string& name, const std::string& sha256) {
  for (const auto& folder : folders_of("LONGSPAN_TEXT_DIR"))
    if (std::filesystem::exists(folder / name) && sha256_of_file(folder / name) == sha256)
      return folder / name;
  return std::nullopt;
}

std::string sha256_of_file(const std::filesystem::path& path) {
  const std::string command = "sha256sum '" + path.string() + "'";
  FILE* output = popen(command.c_str(), "r");
  REQUIRE(output != nullptr);
  char digest[65] = {};
  const std::size_t size = std::fread(digest, 1, 64, output);
  REQUIRE(pclose(output) == 0);
  return {digest, size};
}

EvaluationText recorded_text(const at::Tensor& ids_N) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < ids_N.numel(); ++i)
    ids.push_back(static_cast<std::int32_t>(ids_N[i].item<std::int64_t>()));
  return text_of_ids(std::move(ids));
}

std::string model_yaml(const Json& model) {
  const bool adaptive = model.at("head").get<std::string>().starts_with("adaptive");
  std::ostringstream yaml;
  yaml << "model:\n  num_layers: " << model.at("layers") << "\n  d_model: " << model.at("d_model")
       << "\n  num_heads: " << model.at("heads") << "\n  ffn_dim: " << model.at("ffn")
       << "\n  activation: relu\n  norm_placement: pre\n  final_norm: " << model.at("final_norm")
       << "\n  init: fairseq\n  dialect: fairseq\n  embedding: ";
  if (adaptive)
    yaml << "{kind: adaptive, cutoffs: " << model.at("cutoffs").dump()
         << ", factor: " << model.at("factor") << ", tie: true}\n";
  else
    yaml << "{kind: plain, tie: true}\n";
  yaml << "position: " << position_yaml(model.at("method")) << "\n";
  return yaml.str();
}

Transformer recorded_model(const Json& model, const std::map<std::string, at::Tensor>& tensors,
                           const std::string& prefix, std::int64_t num_layers) {
  const auto document = config::Document::from_text(model_yaml(model), "recorded.yaml");
  ModelConfig config = read_model_config(document.root().section("model"));
  if (num_layers >= 0) config.num_layers = num_layers;
  if (num_layers >= 0) config.final_norm = false;
  const auto position = read_position_config(document.root().section("position"));
  Transformer result(config,
                     position.make({config.d_model, config.num_heads, config.head_dim(), 64}),
                     model.at("vocab").get<std::int64_t>());
  NamedTensors values;
  for (const auto& parameter : result.parameters()) {
    INFO(prefix << parameter.name);
    REQUIRE(tensors.contains(prefix + parameter.name));
    values.push_back({parameter.name, tensors.at(prefix + parameter.name)});
  }
  result.load_parameters(values);
  return result;
}

}  // namespace longspan::testing
