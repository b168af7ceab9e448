#pragma once

#include <filesystem>

#include "longspan/interop/exported_folder.h"

namespace longspan {

/// Writes a model as one GGUF file (version 3), which llama.cpp reads, with its tokenizer where
/// llama.cpp has one like it. Matrices are of options.dtype; norms and biases stay in float32, as
/// llama.cpp's operations want them. The file comes into being whole.
/// @param model config_yaml resolved  @param file must not exist; its folder is made
/// @return tokenizer: llama.cpp's name for its kind
/// @throws Error(Config) for a model that llama.cpp has not, with what would have to change, for a
/// file that is there, and for weights that overflow the dtype; Error(Numeric) for weights that are
/// not finite; Error(Io) that leaves nothing
ExportedFolder export_gguf(const PortableModel& model, const Tokenizer& tokenizer,
                           const std::filesystem::path& file, const ExportOptions& options = {});

}  // namespace longspan
