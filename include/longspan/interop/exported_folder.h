#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "longspan/interop/portable_model.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// How a model goes out.
struct ExportOptions {
  at::ScalarType dtype = at::kFloat;            ///< of the weights: float, bfloat16 or half
  std::int64_t max_file_bytes = 5'000'000'000;  ///< weights beyond go to further files
};

/// What an export wrote.
struct ExportedFolder {
  std::string architecture;        ///< transformers' model_type
  std::vector<std::string> files;  ///< names, sorted
  std::int64_t bytes = 0;          ///< of all files
  std::string tokenizer;  ///< the file that holds it; empty: none, since transformers has none that
                          ///< gives the same ids
};

/// Writes a folder that transformers' from_pretrained takes, and import_huggingface: config.json,
/// safetensors, the tokenizer. The folder comes into being whole.
/// @param model config_yaml resolved  @param folder must not exist, or be empty
/// @throws Error(Config) for a model that no architecture has, with what would have to change for
/// each, for a folder that holds something, and for weights that overflow dtype; Error(Numeric) for
/// weights that are not finite; Error(Io) that leaves nothing
ExportedFolder export_huggingface(const PortableModel& model, const Tokenizer& tokenizer,
                                  const std::filesystem::path& folder,
                                  const ExportOptions& options = {});

}  // namespace longspan
