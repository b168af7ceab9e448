#pragma once

#include "longspan/core/json.h"
#include "support/program.h"
#include "support/torch_catch.h"

namespace longspan::testing {

/// Returns the JSON that a run of the program printed, which must have ended well.
inline Json json_of(const Finished& result) {
  INFO(result.err);
  REQUIRE(result.code == 0);
  return Json::parse(result.out);
}

}  // namespace longspan::testing
