#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "longspan/distributed/placement.h"

namespace longspan {

/// Tells the other ranks that this one lives, over a connection to the store of its own, and finds
/// out which of them does not. A rank that is stopped or cut off falls silent with it.
class Pulse {
 public:
  explicit Pulse(const Placement& placement);
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  /// Tells the others why this rank ends.
  void report_failure(const std::string& reason) noexcept;
  /// Returns who is to blame for a failed call, in the words of an error: what a rank reported,
  /// else the ranks that have fallen silent. Takes some seconds. The first rank that finds an
  /// answer reports it, so that all name the same one.
  std::string find_culprit() noexcept;
  /// Waits until every other rank has left or was found silent: whoever keeps the store is the last
  /// to go, so that all find out why the job ends. @param limit to how long
  void wait_for_others(std::chrono::milliseconds limit) noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace longspan
