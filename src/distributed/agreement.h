#pragma once

#include <string>
#include <vector>

#include "distributed/store.h"
#include "longspan/distributed/communicator.h"

namespace longspan {

/// Where the ranks of an attempt meet.
struct Meeting {
  Placement placement;
  Store lobby;  ///< seen by all attempts; null where there is one attempt only
  Store store;  ///< of this attempt
};

/// Returns a name for this attempt that no other has: rank 0 makes it, the others wait until rank 0
/// finds them in the lobby in check_agreement. @throws Error(Distributed) when it does not
std::string find_attempt(c10d::Store& lobby, const Placement& placement,
                         std::chrono::milliseconds timeout);

/// Checks over the store that all ranks agree, before they form a group. @throws Error(Distributed)
/// that names the ranks that did not come in time, or the rank that differs and what differs
void check_agreement(const Meeting& meeting, const std::vector<Agreement>& agreements,
                     std::chrono::milliseconds timeout);

/// Returns what differs between what rank 0 and another rank have; empty when nothing does.
std::string first_difference(const std::vector<Agreement>& leader,
                             const std::vector<Agreement>& other);

}  // namespace longspan
