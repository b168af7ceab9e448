#pragma once

#include <exception>
#include <string>

#include "longspan/core/error.h"
#include "longspan/core/exit_code.h"
#include "longspan/train/trainer.h"

namespace longspan::cli {

/// Returns the program's exit code for an error's kind.
int exit_code(ErrorKind kind);
/// Returns the exit code of a run that trained to its end, or to a signal: 128 + its number.
int exit_code(const TrainResult& result);
/// Returns the exit code for an exception that is not ours: a path that the system refuses, memory
/// that ran out, else an internal error.
int exit_code_of_foreign(const std::exception& error);
/// Returns what to say of an exception, in one line; that memory ran out, whoever found it.
std::string reason_of(const std::exception& error);
/// Returns the first line of an exception's text: LibTorch appends a stack trace.
std::string first_line(const std::exception& error);

}  // namespace longspan::cli
