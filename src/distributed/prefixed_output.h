#pragma once

#include <string>

namespace longspan {

/// Passes on to stderr what a child writes into a pipe, line by line, each line behind the name of
/// the child's rank.
class PrefixedOutput {
 public:
  /// @param descriptor the reading end of the pipe, which this closes
  PrefixedOutput(int descriptor, int rank);

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

  /// Passes on what is there, without waiting for more; closes at the end of it.
  void forward();
  /// Passes on an unfinished line too, and closes.
  void close();

 private:
  void write_lines();

  int descriptor_;
  std::string prefix_, text_;
};

}  // namespace longspan
