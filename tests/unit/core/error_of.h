#pragma once

#include <catch2/catch_test_macros.hpp>

#include "longspan/core/error.h"

namespace longspan::testing {

/// Returns the Error that action throws; fails the test when it throws none.
template <class Action>
Error error_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  FAIL("no Error was thrown");
  unreachable();
}

}  // namespace longspan::testing
