#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <optional>

namespace longspan {

/// A copy of a tensor on its way to the host: made once what the device's current stream holds is
/// done, beside what is put there afterwards.
class HostCopy {
 public:
  explicit HostCopy(const at::Tensor& tensor);
  /// Waits for the copy and returns it.
  const at::Tensor& wait() const;

 private:
  at::Tensor host_;
  std::optional<c10::Event> copied_;  // none on the CPU
};

}  // namespace longspan
