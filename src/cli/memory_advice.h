#pragma once

#include <exception>
#include <functional>
#include <string>
#include <string_view>

#include "longspan/run/run_config.h"

namespace longspan::cli {

/// What takes less memory where runs are evaluated.
inline constexpr std::string_view kEvaluateAdvice =
    "evaluate at smaller --lengths (in a sweep evaluate.lengths), or with fewer --processes "
    "on this host";

/// Returns what takes less memory than a configuration does in training: keys that it leaves room
/// in, from the one that changes least to the one that changes most.
std::string train_advice(const RunConfig& config);

/// Does work. Where memory runs out in it and nothing more is said of that, says what to change.
/// @throws Error(Memory) then; else what the work throws
void with_memory_advice(std::string_view advice, const std::function<void()>& work);

/// Returns "out of memory", with the number of bytes that were asked for where it is known.
std::string out_of_memory_text(const std::exception& error);

}  // namespace longspan::cli
