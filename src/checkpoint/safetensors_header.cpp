// The safetensors header: 8 bytes of length, then JSON. Reading it is where a hostile file would
// strike, so every number is checked against the file's size, without overflow, before any memory
// is asked for.

#include "checkpoint/safetensors_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "checkpoint/blame.h"
#include "checkpoint/require.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/json.h"

namespace longspan::checkpoint {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 64;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr int kMaxDepth = 4;                            // {tensor: {shape: [...]}} is 3 deep
constexpr std::size_t kMaxDimensions = 8;
constexpr char kMetadata[] = "__metadata__";

constexpr std::array<std::pair<std::string_view, c10::ScalarType>, 10> kTypes{{
    {"F32", c10::ScalarType::Float},
    {"F64", c10::ScalarType::Double},
    {"F16", c10::ScalarType::Half},
    {"BF16", c10::ScalarType::BFloat16},
    {"I64", c10::ScalarType::Long},
    {"I32", c10::ScalarType::Int},
    {"I16", c10::ScalarType::Short},
    {"I8", c10::ScalarType::Char},
    {"U8", c10::ScalarType::Byte},
    {"BOOL", c10::ScalarType::Bool},
}};

// The JSON library builds a tree as deep as the text nests; this bounds it first.
void check_depth(std::string_view text, const std::string& source) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      require(++depth <= kMaxDepth, source, "the header must nest at most ", kMaxDepth,
              " deep, it is deeper");
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
}

c10::ScalarType read_type(const Json& value, const std::string& place) {
  require(value.is_string(), place, "dtype must be a text, got ", value.dump());
  for (const auto& [name, type] : kTypes) {
    if (value.get_ref<const std::string&>() == name) return type;
  }
  throw Error(
      ErrorKind::Checkpoint,
      concat(place, ": dtype must be one of F32, F64, F16, BF16, I64, I32, I16, I8, U8, BOOL, got ",
             value.dump()));
}

std::vector<std::uint64_t> read_numbers(const Json& value, const char* key,
                                        const std::string& place) {
  require(value.is_array(), place, key, " must be a list, got ", value.type_name());
  std::vector<std::uint64_t> numbers;
  for (const auto& element : value) {
    require(element.is_number_unsigned(), place, key, " must hold integers >= 0, got ",
            element.dump());
    numbers.push_back(element.get<std::uint64_t>());
  }
  return numbers;
}

// Returns the bytes that a shape takes. Sizes of 0 count as 1 in the check: their neighbours still
// enter strides.
std::uint64_t bytes_of_shape(const std::vector<std::uint64_t>& shape, std::uint64_t item_bytes,
                             const std::string& place) {
  std::int64_t bound = static_cast<std::int64_t>(item_bytes);
  bool empty = false, overflow = false;
  for (const std::uint64_t size : shape) {
    empty |= size == 0;
    overflow |= __builtin_mul_overflow(bound, std::max<std::uint64_t>(size, 1), &bound);
  }
  require(!overflow, place, "shape must be of a size that 63 bits can count, it is larger");
  return empty ? 0 : static_cast<std::uint64_t>(bound);
}

TensorEntry read_entry(const std::string& name, const Json& value, std::uint64_t data_bytes,
                       const std::string& source) {
  const std::string place = concat(source, ": tensor ", name);
  require(value.is_object() && value.size() == 3 && value.contains("dtype") &&
              value.contains("shape") && value.contains("data_offsets"),
          place, "must have exactly the keys dtype, shape and data_offsets");
  TensorEntry entry;
  entry.name = name;
  entry.dtype = read_type(value["dtype"], place);
  const std::vector<std::uint64_t> shape = read_numbers(value["shape"], "shape", place);
  require(shape.size() <= kMaxDimensions, place, "shape must have at most ", kMaxDimensions,
          " dimensions, got ", shape.size());
  const std::vector<std::uint64_t> offsets =
      read_numbers(value["data_offsets"], "data_offsets", place);
  require(offsets.size() == 2 && offsets[0] <= offsets[1], place,
          "data_offsets must be [begin, end], got ", value["data_offsets"].dump());
  require(offsets[1] <= data_bytes, place, "data_offsets must end within the file's ", data_bytes,
          " bytes of data, got ", offsets[1]);
  entry.begin = offsets[0];
  entry.end = offsets[1];
  const std::uint64_t bytes = bytes_of_shape(shape, c10::elementSize(entry.dtype), place);
  require(bytes == entry.end - entry.begin, place, "data_offsets must span the ", bytes,
          " bytes of its shape, got ", entry.end - entry.begin);
  for (const std::uint64_t size : shape) entry.shape.push_back(static_cast<std::int64_t>(size));
  return entry;
}

void check_metadata(const Json& value, const std::string& source) {
  require(value.is_object(), source, "__metadata__ must be a map, got ", value.type_name());
  for (const auto& [key, text] : value.items()) {
    require(text.is_string(), source, "__metadata__.", key, " must be a text, got ", text.dump());
  }
}

// Sorts by place and proves that the tensors cover the data without gap or overlap.
void check_cover(std::vector<TensorEntry>& entries, std::uint64_t data_bytes,
                 const std::string& source) {
  std::stable_sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t covered = 0;
  for (const TensorEntry& entry : entries) {
    require(entry.begin == covered, source, "tensor ", entry.name,
            " must begin where the one before it ends (", covered, "), got ", entry.begin);
    covered = entry.end;
  }
  require(covered == data_bytes, source, "the tensors must cover all ", data_bytes,
          " bytes of data, they cover ", covered);
}

std::uint64_t read_length(std::span<const std::byte> file, const std::string& source) {
  require(file.size() >= kLengthBytes, source,
          "must begin with 8 bytes of header length, the file has ", file.size());
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), kLengthBytes);
  const std::uint64_t limit = std::min<std::uint64_t>(file.size() - kLengthBytes, kMaxHeaderBytes);
  require(length <= limit, source, "the header must be at most ", limit, " bytes long, got ",
          length);
  return length;
}

}  // namespace

std::string dtype_name(c10::ScalarType type) {
  for (const auto& [name, known] : kTypes) {
    if (known == type) return std::string(name);
  }
  throw Error(ErrorKind::Internal,
              concat("a tensor of type ", type, " cannot be written to a safetensors file"));
}

std::string format_header(const std::vector<TensorEntry>& entries,
                          const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  for (const TensorEntry& entry : entries) {
    check(entry.name != kMetadata && !header.contains(entry.name), ErrorKind::Internal,
          "names of tensors in a file must differ from each other and from __metadata__, got ",
          entry.name);
    header[entry.name] = {{"dtype", dtype_name(entry.dtype)},
                          {"shape", entry.shape},
                          {"data_offsets", {entry.begin, entry.end}}};
  }
  std::string text = header.dump();
  const std::size_t used = (kLengthBytes + text.size()) % kAlignment;
  if (used != 0) text.append(kAlignment - used, ' ');
  const std::uint64_t length = text.size();
  std::string prefix(kLengthBytes, '\0');
  std::memcpy(prefix.data(), &length, kLengthBytes);
  return prefix + text;
}

Header parse_header(std::span<const std::byte> file, const std::string& source) {
  const std::uint64_t length = read_length(file, source);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, length);
  check_depth(text, source);
  const Json json = blaming_checkpoint([&] { return parse_json(text, source); });
  require(json.is_object(), source, "the header must be a map, got ", json.type_name());
  Header header;
  header.data_begin = kLengthBytes + length;
  const std::uint64_t data_bytes = file.size() - header.data_begin;
  for (const auto& [name, value] : json.items()) {
    if (name == kMetadata) {
      check_metadata(value, source);
    } else {
      header.entries.push_back(read_entry(name, value, data_bytes, source));
    }
  }
  check_cover(header.entries, data_bytes, source);
  return header;
}

}  // namespace longspan::checkpoint
