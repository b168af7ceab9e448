#pragma once

#include <ATen/record_function.h>
#include <c10/core/Device.h>

#include <map>
#include <string>
#include <string_view>

namespace longspan {

/// Returns the part of a step that an operator of LibTorch, or a StepPart, belongs to; nothing for
/// one that is part of another's work, or that only looks at tensors differently.
std::string_view part_of(std::string_view name);

/// As long as it lives, adds up the time of a step's parts in all threads: that of the outermost
/// operator or StepPart that has a part counts for it alone. On a GPU each is waited for, so that
/// parts do not overlap and the step takes longer than it would. One at a time.
class PartTimes {
 public:
  explicit PartTimes(c10::Device device);
  ~PartTimes();
  PartTimes(const PartTimes&) = delete;
  PartTimes& operator=(const PartTimes&) = delete;

  /// Returns the seconds of each part so far.
  std::map<std::string, double> seconds() const;

 private:
  at::CallbackHandle handle_;
};

}  // namespace longspan
