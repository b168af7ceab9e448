#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/json.h"

namespace longspan {

/// Holds the results in a folder for one writer until destroyed; another one waits.
class ResultsLock {
 public:
  /// @throws Error(Io) for a folder that cannot be opened
  explicit ResultsLock(const std::filesystem::path& folder);
  ~ResultsLock();
  ResultsLock(const ResultsLock&) = delete;
  ResultsLock& operator=(const ResultsLock&) = delete;

 private:
  int descriptor_ = -1;
};

/// Returns the file for a text's results: <folder>/<split>.json for a split of the run and for a
/// text file that is called so, where that file holds no other text's cells; else
/// <split>-<start of the targets' hash>.json. A text file never takes the name of a split.
/// @param split "train", "valid", "test" or the path of a text file
/// @throws Error(Data) for a file there that is of another format; Error(Io)
std::filesystem::path results_file(const std::filesystem::path& folder, const std::string& split,
                                   const std::string& targets_hash);
/// Returns whether the name is that of a split of a run's shards.
bool is_in_shards(const std::string& split);
/// Returns the name, without ending, of the files that a split's results go to: a name that any
/// file system and any page takes.
std::string results_name(const std::string& split);

/// Returns the cell of a results file that agrees with `key` in all that changes a number: run,
/// checkpoint_step, model_hash, train_length, length, mode, targets_hash, words, bytes, dtype and
/// position_overrides. Null when there is none, when it lacks a number, or when there is no file. A
/// cell that stands in that place and is another's is told in the log.
/// @throws Error(Data) for a file of another format; Error(Io)
Json find_evaluation(const std::filesystem::path& file, const Json& key);

/// Puts cells into evaluations/<split>.json, {"format": kEvaluationFormat, "cells": [...]}. A cell
/// takes the place of the one that agrees with it as find_evaluation() says, or that did so far as
/// an older version wrote it down; all others stay as they are. The file is written durably.
/// Numbers that are not finite become null.
/// @throws Error(Data) for a file there that is of another format; Error(Io)
void merge_evaluation(const std::filesystem::path& file, const std::vector<Json>& cells);

/// Puts how a run compares with another into the list "comparisons" of a results file, in place of
/// a row of the same runs, length, mode, step, dtype and position_overrides. Durable; numbers that
/// are not finite become null. @throws as merge_evaluation() does
void merge_comparison(const std::filesystem::path& file, const Json& row);

}  // namespace longspan
