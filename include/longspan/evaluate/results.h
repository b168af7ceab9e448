#pragma once

#include <filesystem>
#include <vector>

#include "longspan/core/json.h"

namespace longspan {

/// Puts cells into evaluations/<split>.json, {"format": "longspan.evaluation/1", "cells": [...]}. A
/// cell takes the place of the one with the same run, checkpoint_step, length, mode and
/// position_overrides; all others stay as they are. The file is written durably. Numbers that are
/// not finite become null.
/// @throws Error(Data) for a file there that is of another format; Error(Io)
void merge_evaluation(const std::filesystem::path& file, const std::vector<Json>& cells);

}  // namespace longspan
