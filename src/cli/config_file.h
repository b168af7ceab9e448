#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/run/run_config.h"

namespace longspan::cli {

/// Reads the configuration file that a verb was given. @param overrides those of --set @throws
/// Error(Config) that says what a sweep's file or a folder is, and which verb takes it; Error(Io)
RunConfig read_config(const std::string& path, const std::vector<std::string>& overrides);

/// Refuses the configuration of a run where a sweep's file must be. @throws Error(Config)
void check_is_sweep(const std::string& path);
/// Refuses a file where the folder of a run must be. @throws Error(Config)
void check_is_no_file(const std::string& run);

/// Returns "; it is the configuration of a run, which longspan train takes", or the like of a
/// sweep's file; empty for what is neither.
std::string described_config(const std::string& path);

/// Refuses settings of --set that a verb takes nothing from. @param keys that it reads, or sections
/// @throws Error(Config)
void check_settings_act(const std::vector<std::string>& settings, std::string_view verb,
                        std::initializer_list<std::string_view> keys);

}  // namespace longspan::cli
