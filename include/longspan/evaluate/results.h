#pragma once

#include <filesystem>
#include <vector>

#include "longspan/core/json.h"

namespace longspan {

/// Returns whether two cells say the same thing: of one run, checkpoint_step, length, mode and
/// position_overrides (none where a cell lacks them).
bool is_same_cell(const Json& some, const Json& other);

/// Returns the cell of a results file that is the same as `key`, null when there is none or no
/// file.
/// @throws Error(Data) for a file of another format; Error(Io)
Json find_evaluation(const std::filesystem::path& file, const Json& key);

/// Puts cells into evaluations/<split>.json, {"format": kEvaluationFormat, "cells": [...]}. A cell
/// takes the place of the one that is the same; all others stay as they are. The file is written
/// durably. Numbers that are not finite become null.
/// @throws Error(Data) for a file there that is of another format; Error(Io)
void merge_evaluation(const std::filesystem::path& file, const std::vector<Json>& cells);

}  // namespace longspan
