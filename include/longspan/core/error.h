#pragma once

#include <source_location>
#include <sstream>
#include <stdexcept>
#include <string>

namespace longspan {

/// Says who is to blame for an error, and so which exit code the program ends with.
enum class ErrorKind {
  Config,       ///< usage or configuration
  Data,         ///< text, tokenizer or shards
  Io,           ///< the file system refused
  Checkpoint,   ///< a checkpoint is damaged or does not fit
  Distributed,  ///< communication between ranks
  Numeric,      ///< training diverged
  Memory,       ///< out of memory
  Internal,     ///< a bug of longspan
};

/// The one exception type of longspan. The text is one line: place, what must hold, what was found,
/// remedy.
class Error : public std::runtime_error {
 public:
  /// Makes an error. An Internal error's text gets the source location.
  Error(ErrorKind kind, const std::string& message,
        std::source_location location = std::source_location::current());

  /// Returns who is to blame.
  ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

/// Joins the parts with the stream operator into one string.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return std::move(text).str();
}

/// Throws Error(kind, concat(parts...)) unless ok.
template <class... Parts>
void check(bool ok, ErrorKind kind, const Parts&... parts) {
  if (!ok) throw Error(kind, concat(parts...));
}

/// Throws the Internal error for a place that the program can never reach.
[[noreturn]] void unreachable(std::source_location location = std::source_location::current());

}  // namespace longspan
