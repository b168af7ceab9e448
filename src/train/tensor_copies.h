#pragma once

#include <vector>

#include "longspan/core/named_tensors.h"
#include "longspan/device/host_copy.h"

namespace longspan {

/// Copies on the host of tensors as they are at a moment, made beside what goes on. The next copies
/// of the same tensors take the memory of the former ones.
class TensorCopies {
 public:
  /// Takes the tensors. Those of a GPU are copied from now on, in its own order of work. Those of
  /// the CPU must stay as they are until finish() has returned.
  void begin(const NamedTensors& tensors);
  /// Makes what is left of the copies. May run on another thread than the rest.
  void finish();
  /// Returns the copies, of which finish() made the last.
  const NamedTensors& tensors() const { return copies_; }

 private:
  NamedTensors sources_, copies_;
  std::vector<HostCopy> on_their_way_;  // of a GPU, in order
};

}  // namespace longspan
