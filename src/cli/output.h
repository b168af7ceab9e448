#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace longspan::cli {

/// Makes standard output and error safe to lose: a reader that is gone is a failed write and not
/// the end of the process, and no file that is opened later takes the number of a stream that is
/// closed. To be called before anything opens a file.
void secure_standard_streams();

/// Writes a verb's result to standard output, all of it: the one way there. @throws Error(Io) when
/// it did not arrive
void write_result(std::string_view text);

/// Returns a count with its thousands apart: "103,227,021".
std::string grouped(std::int64_t value);
/// Returns what printf prints.
[[gnu::format(printf, 1, 2)]] std::string formatted(const char* format, ...);

}  // namespace longspan::cli
