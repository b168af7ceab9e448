#pragma once

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "longspan/distributed/placement.h"

namespace longspan {

/// How long a rank that has failed waits for what the others have to say.
constexpr std::chrono::seconds kLastLook{4};

using Store = c10::intrusive_ptr<c10d::Store>;

/// Connects to the store of a job. @param listen make this process its keeper
/// @throws std::exception within the timeout, also when something else listens at the port
Store connect_store(const Placement& placement, std::chrono::milliseconds timeout, bool listen);

/// Stores carry bytes.
std::vector<std::uint8_t> bytes_of(const std::string& text);
std::string text_of(const std::vector<std::uint8_t>& bytes);

/// Leaves why a job failed for all its ranks. The first report stands: later ones are most likely
/// its consequences.
void report_failure(c10d::Store& store, const std::string& text);
/// Returns what was reported; empty when nothing was.
std::string reported_failure(c10d::Store& store);

/// Leaves for all, its launcher too, that a rank gives no sign of life any more.
void report_silent(c10d::Store& store, int rank);
bool is_silent(c10d::Store& store, int rank);

/// Returns an exception's first line: c10d appends a stack trace.
std::string first_line_of(const std::exception& error);

}  // namespace longspan
