#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/evaluate/evaluate.h"

namespace longspan::testing {

/// One recorded case: a folder with manifest.json, or one JSON file.
struct Recording {
  std::string name;              ///< of the folder, or of the file
  std::filesystem::path folder;  ///< that holds the manifest
  Json manifest;

  std::string kind() const { return manifest.value("kind", ""); }
  /// Returns the tensors beside the manifest by name.
  std::map<std::string, at::Tensor> tensors() const;
};

/// Returns every case of tests/golden and of the folders in LONGSPAN_GOLDEN_DIR (separated by ':'):
/// each manifest.json at any depth, each JSON file at the top.
std::vector<Recording> all_recordings();
/// Returns the cases of a kind. Skips the running test, visibly, when there are none.
std::vector<Recording> recordings_of(const std::string& kind);

/// Returns the text that a recording names, looked for by name in the folders of LONGSPAN_TEXT_DIR
/// (separated by ':') and taken only with this SHA-256.
std::optional<std::filesystem::path> find_text(const std::string& name, const std::string& sha256);
/// Returns the SHA-256 of a file in hexadecimal digits.
std::string sha256_of_file(const std::filesystem::path& path);

/// Returns recorded ids as a text to score, with fairseq's </s> in front.
EvaluationText recorded_text(const at::Tensor& ids_N);

/// Returns the model and position sections of a configuration, as YAML, that a recorded model has.
std::string model_yaml(const Json& model);
/// Returns a model of the recorded shape with the tensors whose names begin with `prefix` as its
/// values. @param num_layers the recorded number when it is negative
Transformer recorded_model(const Json& model, const std::map<std::string, at::Tensor>& tensors,
                           const std::string& prefix, std::int64_t num_layers = -1);

}  // namespace longspan::testing
