#pragma once

#include <string>
#include <string_view>

namespace longspan::report {

/// Runs the program gnuplot on a script and returns what it writes to standard output. No shell
/// takes part, and the user's own gnuplot settings do not either.
/// @throws Error(Config) when there is no gnuplot, or it refuses the script
std::string run_gnuplot(const std::string& script);

/// Returns a text as a string literal of gnuplot in which nothing is expanded. Control characters
/// become spaces.
std::string string_literal(std::string_view text);

}  // namespace longspan::report
