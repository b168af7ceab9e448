#pragma once

#include <string>

#include "longspan/core/error.h"

namespace longspan::checkpoint {

/// Throws Error(Checkpoint) in place of the error that is being handled, which is nested: a file
/// system's or parser's complaint met on the way to a checkpoint. Errors of other kinds are
/// rethrown as they are.
/// @param before,after go around the text
[[noreturn]] void blame_checkpoint(const std::string& before = {}, const std::string& after = {});

/// Returns what work() returns, its errors passed through blame_checkpoint().
template <class Work>
auto blaming_checkpoint(const Work& work) {
  try {
    return work();
  } catch (...) {
    blame_checkpoint();
  }
}

}  // namespace longspan::checkpoint
