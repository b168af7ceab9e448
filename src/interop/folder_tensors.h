#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "interop/weight_map.h"

namespace longspan::interop {

/// The tensors of a folder's safetensors files, those of the index or model.safetensors alone.
/// @throws Error(Data) for a file that is missing, damaged or outside of the folder, and for two
/// different tensors of one name
class FolderTensors : public WeightSource {
 public:
  explicit FolderTensors(const std::filesystem::path& folder);

  const std::string& place() const override { return folder_; }
  bool has(const std::string& name) const override { return tensors_.contains(name); }
  at::Tensor take(const std::string& name, at::IntArrayRef sizes) override;
  /// Throws unless all that is left has one of the endings.
  void finish(std::span<const std::string_view> ballast) const;

 private:
  struct Found {
    at::Tensor tensor;
    std::string file;
  };
  void add(const std::string& file, const NamedTensor& tensor);

  std::string folder_;
  std::map<std::string, Found> tensors_;
};

}  // namespace longspan::interop
