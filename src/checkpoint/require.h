#pragma once

#include <string>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"

namespace longspan::checkpoint {

/// Checks what holds in every file that longspan has written. @param place of what was found
/// @throws Error(Checkpoint) with kDamagedRemedy
template <class... Parts>
void require(bool ok, const std::string& place, const Parts&... parts) {
  check(ok, ErrorKind::Checkpoint, place, ": ", parts..., kDamagedRemedy);
}

}  // namespace longspan::checkpoint
