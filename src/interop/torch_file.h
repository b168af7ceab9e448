#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interop/pickle.h"
#include "longspan/core/files.h"

namespace longspan::interop {

/// A file that torch.save wrote, zip archive or the container before PyTorch 1.6. Stays mapped
/// while it lives; tensors are copied out one at a time.
class TorchFile {
 public:
  /// @throws Error(Data) that names file and byte
  explicit TorchFile(const std::filesystem::path& path);

  const std::string& source() const { return source_; }
  const Pickle& pickle() const { return *pickle_; }
  const PickleNode& root() const { return pickle_->node(pickle_->root()); }
  /// Returns whether a value is a tensor or parameter.
  bool is_tensor(const PickleNode& value) const;
  /// Returns a tensor's sizes, each at least 0, as the pickle gives them: nothing says yet that the
  /// file holds so much. @throws Error(Data) when it is no tensor
  std::vector<std::int64_t> sizes(const PickleNode& value, const std::string& name) const;
  /// Copies a tensor out, contiguous, in the type of its storage. @param name stands for it in
  /// errors
  /// @throws Error(Data) when it is none, or reaches outside its storage
  at::Tensor tensor(const PickleNode& value, const std::string& name);

 private:
  struct Storage {
    at::ScalarType dtype = at::kFloat;
    std::int64_t num_elements = 0;
    std::string key;
    std::int64_t view_begin = 0;  ///< old container: first element of this storage in the file's
  };

  struct Place {
    Storage storage;
    std::int64_t offset = 0;
    std::vector<std::int64_t> sizes, strides;
  };

  void open_zip();
  void open_old();
  void read_old_storages(const Pickle& keys);
  std::map<std::string, at::ScalarType> old_storage_types() const;
  Pickle old_part(std::size_t begin, const char* what) const;
  Storage storage_of(const PickleNode& reference, const std::string& name) const;
  Place place_of(const PickleNode& value, const std::string& name) const;
  at::Tensor copy_out(const Place& place, const std::string& name);
  std::string_view bytes_of(const Storage& storage, const std::string& name) const;

  std::string source_;
  MappedFile file_;
  std::unique_ptr<Pickle> pickle_;
  std::map<std::string, std::string_view> storages_;  // bytes by key
  std::size_t copied_bytes_ = 0;
};

}  // namespace longspan::interop
