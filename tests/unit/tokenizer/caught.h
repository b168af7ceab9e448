#pragma once

#include <string>

#include "longspan/core/error.h"

namespace longspan::testing {

/// What a call threw: nothing gives an Internal error without text.
struct Caught {
  ErrorKind kind = ErrorKind::Internal;
  std::string text;
};

/// Calls a function and returns the Error that it threw.
template <class Function>
Caught caught(const Function& function) {
  try {
    function();
  } catch (const Error& error) {
    return {error.kind(), error.what()};
  }
  return {};
}

}  // namespace longspan::testing
