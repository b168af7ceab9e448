// The container of llama.cpp's models. Numbers are copied as they lie in memory: little-endian
// machines alone are supported here.

#include "interop/gguf_file.h"

#include <bit>
#include <cstring>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/progress.h"

namespace longspan::interop {

// Types of values, by the format's numbers.
enum class GgufFile::Type : std::uint32_t {
  Uint8 = 0,
  Uint32 = 4,
  Int32 = 5,
  Float32 = 6,
  Bool = 7,
  Text = 8,
  List = 9
};

namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kVersion = 3;
constexpr std::uint64_t kAlignment = 32;

static_assert(std::endian::native == std::endian::little);

template <class Number>
void append(std::string& bytes, Number value) {
  const char* begin = reinterpret_cast<const char*>(&value);
  bytes.append(begin, sizeof value);
}

void append_text(std::string& bytes, std::string_view text) {
  append(bytes, std::uint64_t{text.size()});
  bytes.append(text);
}

template <class Number>
void append_all(std::string& bytes, std::span<const Number> values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

std::uint64_t padding_behind(std::uint64_t bytes) {
  return (kAlignment - bytes % kAlignment) % kAlignment;
}

// ggml's numbers for types of elements.
std::uint32_t type_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return 0;
    case at::kHalf:
      return 1;
    case at::kBFloat16:
      return 30;
    default:
      unreachable();
  }
}

}  // namespace

void GgufFile::add_key(std::string_view key, Type type) {
  append_text(keys_, key);
  append(keys_, static_cast<std::uint32_t>(type));
  ++num_keys_;
}

void GgufFile::add_list(std::string_view key, Type type, std::size_t count) {
  add_key(key, Type::List);
  append(keys_, static_cast<std::uint32_t>(type));
  append(keys_, std::uint64_t{count});
}

void GgufFile::add_text(std::string_view key, std::string_view value) {
  add_key(key, Type::Text);
  append_text(keys_, value);
}

void GgufFile::add_count(std::string_view key, std::int64_t value) {
  add_key(key, Type::Uint32);
  append(keys_, static_cast<std::uint32_t>(value));
}

void GgufFile::add_number(std::string_view key, double value) {
  add_key(key, Type::Float32);
  append(keys_, static_cast<float>(value));
}

void GgufFile::add_truth(std::string_view key, bool value) {
  add_key(key, Type::Bool);
  append(keys_, static_cast<std::uint8_t>(value));
}

void GgufFile::add_texts(std::string_view key, std::span<const std::string> values) {
  add_list(key, Type::Text, values.size());
  for (const std::string& value : values) append_text(keys_, value);
}

void GgufFile::add_numbers(std::string_view key, std::span<const float> values) {
  add_list(key, Type::Float32, values.size());
  append_all(keys_, values);
}

void GgufFile::add_integers(std::string_view key, std::span<const std::int32_t> values) {
  add_list(key, Type::Int32, values.size());
  append_all(keys_, values);
}

void GgufFile::add_bytes(std::string_view key, std::string_view values) {
  add_list(key, Type::Uint8, values.size());
  keys_.append(values);
}

void GgufFile::add_tensor(const std::string& name, std::vector<std::int64_t> sizes,
                          at::ScalarType dtype) {
  std::uint64_t bytes = c10::elementSize(dtype);
  for (const std::int64_t size : sizes) bytes *= static_cast<std::uint64_t>(size);
  tensors_.push_back({name, std::move(sizes), dtype, bytes});
}

// Dimensions are told from the innermost to the outermost.
std::string GgufFile::header() const {
  std::string bytes(kMagic);
  append(bytes, kVersion);
  append(bytes, std::uint64_t{tensors_.size()});
  append(bytes, num_keys_);
  bytes += keys_;
  std::uint64_t offset = 0;
  for (const Described& tensor : tensors_) {
    append_text(bytes, tensor.name);
    append(bytes, static_cast<std::uint32_t>(tensor.sizes.size()));
    for (auto size = tensor.sizes.rbegin(); size != tensor.sizes.rend(); ++size)
      append(bytes, static_cast<std::uint64_t>(*size));
    append(bytes, type_of(tensor.dtype));
    append(bytes, offset);
    offset += tensor.bytes + padding_behind(tensor.bytes);
  }
  bytes.append(padding_behind(bytes.size()), '\0');
  return bytes;
}

void GgufFile::write(const std::filesystem::path& path,
                     const std::function<at::Tensor(std::size_t)>& tensor) const {
  FileWriter writer(path);
  writer.write(header());
  std::int64_t all_bytes = 0;
  for (const Described& each : tensors_) all_bytes += static_cast<std::int64_t>(each.bytes);
  ByteProgress progress("export weights", all_bytes);
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Described& described = tensors_[i];
    const at::Tensor elements = tensor(i).contiguous();
    check(elements.sizes() == described.sizes && elements.scalar_type() == described.dtype,
          ErrorKind::Internal, "the tensor ", described.name, " is not as it was described");
    writer.write({static_cast<const std::byte*>(elements.const_data_ptr()), elements.nbytes()});
    writer.write(std::string(padding_behind(described.bytes), '\0'));
    progress.add(static_cast<std::int64_t>(described.bytes));
  }
  writer.close_durably();
}

}  // namespace longspan::interop
