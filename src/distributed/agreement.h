#pragma once

#include <string>
#include <vector>

#include "distributed/store.h"
#include "longspan/distributed/communicator.h"

namespace longspan {

/// Checks over the store that all ranks agree, before they form a group. @throws Error(Distributed)
/// that names the ranks that did not come in time, or the rank that differs and what differs
void check_agreement(c10d::Store& store, const Placement& placement,
                     const std::vector<Agreement>& agreements, std::chrono::milliseconds timeout);

/// Returns what differs between what rank 0 and another rank have; empty when nothing does.
std::string first_difference(const std::vector<Agreement>& leader,
                             const std::vector<Agreement>& other);

}  // namespace longspan
