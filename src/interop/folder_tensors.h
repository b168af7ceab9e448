#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "interop/torch_file.h"
#include "interop/weight_map.h"

namespace longspan::interop {

/// The tensors of a folder's files: those that an index names, or those of one file; safetensors
/// where the folder has both. pytorch_model.bin files are pickles, of which nothing is executed.
/// @throws Error(Data) for a file that is missing, damaged or outside of the folder, and for two
/// different tensors of one name
class FolderTensors : public WeightSource {
 public:
  explicit FolderTensors(const std::filesystem::path& folder);

  const std::string& place() const override { return folder_; }
  bool has(const std::string& name) const override { return tensors_.contains(name); }
  at::Tensor take(const std::string& name, at::IntArrayRef sizes) override;
  /// Puts a prefix in front of all names where none has it, as models without their head are saved.
  void complete(std::string_view prefix);
  /// Throws unless all that is left has one of the endings.
  void finish(std::span<const std::string_view> ballast) const;

 private:
  /// A tensor, or what tells of it in a pickle.
  struct Found {
    std::string file;
    at::Tensor tensor;
    TorchFile* pickle = nullptr;
    const PickleNode* node = nullptr;

    at::Tensor load(const std::string& name) const;
  };
  void add(const std::string& name, const Found& found);
  void add_pickle(const std::string& file);

  std::string folder_;
  std::map<std::string, Found> tensors_;
  std::vector<std::unique_ptr<TorchFile>> pickles_;
};

}  // namespace longspan::interop
