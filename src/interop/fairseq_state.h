#pragma once

#include <map>
#include <string>
#include <vector>

#include "interop/torch_file.h"
#include "interop/weight_map.h"

namespace longspan::interop {

/// The entries of a fairseq checkpoint's state dict.
class StateDict : public WeightSource {
 public:
  /// @param file must outlive this  @throws Error(Data) when it holds no state dict under `model`
  explicit StateDict(TorchFile& file);

  const std::string& place() const override { return file_.source(); }
  bool has(const std::string& name) const override { return entries_.contains(name); }
  at::Tensor take(const std::string& name, at::IntArrayRef sizes) override;
  /// Returns the sizes of a tensor that must have `dimensions` of them; takes nothing.
  std::vector<std::int64_t> sizes(const std::string& name, std::size_t dimensions) const;
  /// Throws and names a tensor that nobody took, unless it is known to carry nothing.
  void finish() const;

 private:
  const PickleNode& entry(const std::string& name) const;

  TorchFile& file_;
  std::map<std::string, const PickleNode*> entries_;
};

}  // namespace longspan::interop
