#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longspan::interop {

/// Names a value of a Pickle.
using PickleId = std::uint32_t;

enum class PickleKind {
  None,
  Bool,
  Integer,
  BigInteger,  ///< beyond 64 bits
  Float,
  Text,
  Bytes,
  List,
  Tuple,
  Dict,  ///< collections.OrderedDict too
  Set,
  Class,
  Object,      ///< of a class that is kept as data
  Persistent,  ///< stands for something outside the pickle
};

/// One value. Values refer to each other by number, so that lists that contain themselves need no
/// care and depth costs no stack.
struct PickleNode {
  PickleKind kind = PickleKind::None;
  std::int64_t integer = 0;  ///< Bool, Integer
  double number = 0.0;       ///< Float
  std::string text;          ///< Text, Bytes; BigInteger: little-endian; Class, Object: full name
  /// List, Tuple, Set: elements. Dict: key, value, key, value, ... Object: the tuple of its
  /// arguments, then its state when it has one. Persistent: its id.
  std::vector<PickleId> items;

  static PickleNode scalar(PickleKind kind, std::int64_t value = 0) {
    return {kind, value, 0.0, {}, {}};
  }
  static PickleNode textual(PickleKind kind, std::string text) {
    return {kind, 0, 0.0, std::move(text), {}};
  }
};

/// A Python pickle as plain data. Nothing in it is executed: of classes only those that PyTorch's
/// files need are known by name, and they too are only written down.
class Pickle {
 public:
  /// Reads one pickle from bytes[begin ..]. @param source names the file in errors
  /// @throws Error(Data) with source and byte for anything truncated, malformed or of another class
  static Pickle read(std::string_view bytes, const std::string& source, std::size_t begin = 0);

  PickleId root() const { return root_; }
  /// Returns the offset behind the pickle.
  std::size_t end() const { return end_; }
  const std::vector<PickleNode>& nodes() const { return nodes_; }
  const PickleNode& node(PickleId id) const { return nodes_[id]; }
  /// Returns the value under a text key of a Dict, or of the state of an argparse.Namespace;
  /// nullptr when there is none.
  const PickleNode* find(const PickleNode& map, std::string_view key) const;
  /// Returns a Dict, or the Dict of an argparse.Namespace's state; nullptr for anything else.
  const PickleNode* as_dict(const PickleNode& value) const;
  /// Returns a short description of a value for errors.
  static std::string describe(const PickleNode& value);

 private:
  Pickle() = default;
  std::vector<PickleNode> nodes_;
  PickleId root_ = 0;
  std::size_t end_ = 0;
};

}  // namespace longspan::interop
