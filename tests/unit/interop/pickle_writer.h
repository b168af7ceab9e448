#pragma once

#include <cstdint>
#include <string>

namespace longspan::testing {

/// Returns the low bytes of a number, little-endian.
inline std::string little_endian(std::uint64_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i, value >>= 8) bytes += static_cast<char>(value & 0xff);
  return bytes;
}

// Pieces of pickles in protocol 2, by name of the opcode.
inline std::string text(const std::string& value) {
  return "X" + little_endian(value.size(), 4) + value;
}
inline std::string integer(std::int64_t value) {
  return "\x8a" + little_endian(8, 1) + little_endian(static_cast<std::uint64_t>(value), 8);
}
inline std::string boolean(int value) { return value != 0 ? "\x88" : "\x89"; }
inline std::string class_name(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::string& items) { return "(" + items + "t"; }
inline std::string list(const std::string& items) { return "](" + items + "e"; }
inline std::string dict(const std::string& pairs) { return "}(" + pairs + "u"; }
inline std::string call(const std::string& callable, const std::string& arguments) {
  return callable + arguments + "R";
}
inline std::string ordered_dict(const std::string& pairs) {
  return call(class_name("collections", "OrderedDict"), ")") + "(" + pairs + "u";
}
inline std::string name_space(const std::string& attributes) {
  return class_name("argparse", "Namespace") + ")\x81" + dict(attributes) + "b";
}
inline std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }

/// The shape of a tensor to write, in elements of its storage.
struct TensorPlace {
  std::string storage_class = "FloatStorage";
  std::int64_t num_elements = 0;
  std::int64_t offset = 0;
  std::string sizes, strides;  ///< pickled tuples
};

inline std::string tensor(const std::string& key, const TensorPlace& place) {
  const std::string storage = tuple(text("storage") + class_name("torch", place.storage_class) +
                                    text(key) + text("cpu") + integer(place.num_elements)) +
                              "Q";
  return call(class_name("torch._utils", "_rebuild_tensor_v2"),
              tuple(storage + integer(place.offset) + place.sizes + place.strides + boolean(0) +
                    ordered_dict("")));
}

}  // namespace longspan::testing
