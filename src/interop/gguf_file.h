#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longspan::interop {

/// A GGUF file in the making (version 3, little-endian): keys with values, then what tells of each
/// tensor, then the tensors' elements, each tensor aligned.
/// @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
class GgufFile {
 public:
  // Each adds a key; a key is given once.
  void add_text(std::string_view key, std::string_view value);
  void add_count(std::string_view key, std::int64_t value);  ///< uint32
  void add_number(std::string_view key, double value);       ///< float32
  void add_truth(std::string_view key, bool value);
  void add_texts(std::string_view key, std::span<const std::string> values);
  void add_numbers(std::string_view key, std::span<const float> values);
  void add_integers(std::string_view key, std::span<const std::int32_t> values);
  void add_bytes(std::string_view key, std::string_view values);

  /// Adds a tensor of float, half or bfloat16.
  void add_tensor(const std::string& name, std::vector<std::int64_t> sizes, at::ScalarType dtype);
  /// Writes the file, complete and synced on return. @param tensor gives the elements of a tensor
  /// by the number of its adding, as it was described  @throws Error(Io)
  void write(const std::filesystem::path& path,
             const std::function<at::Tensor(std::size_t)>& tensor) const;

 private:
  struct Described {
    std::string name;
    std::vector<std::int64_t> sizes;
    at::ScalarType dtype;
    std::uint64_t bytes;
  };
  enum class Type : std::uint32_t;
  void add_key(std::string_view key, Type type);
  void add_list(std::string_view key, Type type, std::size_t count);
  std::string header() const;

  std::string keys_;
  std::uint64_t num_keys_ = 0;
  std::vector<Described> tensors_;
};

}  // namespace longspan::interop
