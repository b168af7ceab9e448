#pragma once

#include <string>

#include "longspan/distributed/placement.h"

namespace longspan {

/// Returns the address at which the other ranks reach this host: the one from which this host
/// reaches the store; where that is loopback and the job spans hosts, that of the first interface
/// that is not. @throws Error(Distributed)
std::string own_address(const Placement& placement);

}  // namespace longspan
