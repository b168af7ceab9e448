#pragma once

#include <filesystem>

#include "longspan/data/shards.h"

namespace longspan {

/// Returns a config in which a text "-", standard input, is the file that keeps it: beside the
/// shards, <shards>.<split>.txt. A text is read for its digest, for the tokenizer and for its ids,
/// and again when a run goes on; standard input is there once.
DataConfig with_kept_input(DataConfig config, const std::filesystem::path& shards);
/// Writes standard input to the file that keeps it, where a text of the config is "-".
/// @throws Error(Config) where two are, or a terminal would be read; Error(Data) where there is
/// nothing to read; Error(Io)
void keep_standard_input(const DataConfig& config, const std::filesystem::path& shards);

}  // namespace longspan
