#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace longspan::cli {

/// Checks that the first word is a verb, or asks for help or the version: CLI11 reports a missing
/// subcommand for a misspelt one. @param word empty where there is none @throws Error(Config)
void check_verb(const std::string& word);

/// Returns what a command line has wrong: what must hold, what was got, and where the verb says
/// what it takes.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);

}  // namespace longspan::cli
