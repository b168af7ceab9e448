#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "longspan/core/named_tensors.h"

namespace longspan {

/// A model on its way in or out, in our terms.
struct PortableModel {
  /// The sections `model` and `position` of a configuration; on the way out others may be there.
  std::string config_yaml;
  NamedTensors parameters;      ///< float32, under our names
  std::int64_t vocab_size = 0;  ///< ids, padding symbols included
  std::int64_t seq_len = 0;     ///< trained length, as far as the files tell
};

/// Reads a folder as transformers' save_pretrained writes it (config.json, and .safetensors or
/// pytorch_model.bin files, in shards or not): MPT with ALiBi, BLOOM, LLaMA, GPT-NeoX. Nothing in a
/// .bin is executed. @throws Error(Data) that names the file and what in it cannot be had
PortableModel import_huggingface(const std::filesystem::path& folder);

/// Reads a .pt checkpoint of a fairseq language model (arXiv:2108.12409's code among them), zip or
/// older container. Nothing in it is executed. @param position the position section as YAML, since
/// a checkpoint does not tell ALiBi from sinusoidal. @throws Error(Data) that names the file and
/// what in it cannot be had
PortableModel import_fairseq(const std::filesystem::path& checkpoint, const std::string& position);

}  // namespace longspan
