#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "longspan/core/json.h"

namespace longspan {

/// Returns versions, commit, host, devices and the command line, as environment.json holds them.
Json describe_environment(const std::vector<std::string>& command_line, c10::Device device);

}  // namespace longspan
