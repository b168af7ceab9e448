#pragma once

#include <ATen/record_function.h>

namespace longspan {

/// Says of what a block does that it is one part of a step: LibTorch's observers see it as a
/// function named "longspan::<part>". Without an observer it costs a look at a flag.
class StepPart {
 public:
  /// @param name a literal, "longspan::attention"
  explicit StepPart(const char* name) : record_(at::RecordScope::FUNCTION) {
    if (record_.isActive()) record_.before(name);
  }

 private:
  at::RecordFunction record_;
};

}  // namespace longspan
