#pragma once

#include <filesystem>
#include <string>

#include "longspan/interop/portable_model.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// Returns a complete configuration for an imported model. What the model's files do not tell
/// (data, optimizer, schedule, training) is filled with values to be edited before training on.
/// @param name of the run  @param tokenizer the section data.tokenizer as YAML in flow form
std::string imported_config(const PortableModel& model, const std::string& name,
                            const std::string& tokenizer);

/// Writes a run's folder with the model as checkpoint of step 0. The folder comes into being whole.
/// @param folder must not exist, or be empty  @param config_yaml resolved
/// @throws Error(Config) when the folder holds something; Error(Data) when the tokenizer has
/// another number of ids than the model; Error(Checkpoint)
void write_imported_run(const std::filesystem::path& folder, const PortableModel& model,
                        const Tokenizer& tokenizer, const std::string& config_yaml);

}  // namespace longspan
