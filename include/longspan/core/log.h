#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "longspan/core/error.h"

/// The only door to the logging library. The log goes to stderr and, once a run has a folder, to a
/// file.
namespace longspan::log {

enum class Level { Debug, Info, Warn, Error, Off };

/// A key=value pair behind the fixed words of a line.
struct Field {
  template <class Value>
  Field(std::string_view key_name, const Value& a_value) : key(key_name), value(concat(a_value)) {}
  std::string_view key;
  std::string value;
};
using Fields = std::initializer_list<Field>;

/// Sets the lowest level that is written. Default Info.
void set_level(Level level);
/// Returns the level named "debug", "info", "warn", "error" or "off". @throws Error(Config)
/// otherwise
Level parse_level(std::string_view name);
/// Sets the rank that every line carries. Info lines of ranks other than 0 are dropped.
void set_rank(int rank);
/// Sets the step that every line carries; a negative step is not printed.
void set_step(std::int64_t step);
/// Adds a file that receives every line, appended. @throws Error(Io) when it cannot be opened
void add_file(const std::filesystem::path& path);
/// Closes the file of add_file, if any.
void remove_file();

void debug(std::string_view message, Fields fields = {});
void info(std::string_view message, Fields fields = {});
void warn(std::string_view message, Fields fields = {});
void error(std::string_view message, Fields fields = {});

/// Shows a line of progress: on a terminal in place of the last one, else as an info line. The file
/// gets it as an info line either way.
void progress(std::string_view line);
/// Ends the live line of progress, so that later output starts on a fresh one.
void end_progress();

}  // namespace longspan::log
