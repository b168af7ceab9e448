#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "interop/pickle.h"

namespace longspan::interop {

inline constexpr std::string_view kNamespace = "argparse.Namespace";
inline constexpr std::string_view kOrderedDict = "collections.OrderedDict";

/// Runs the opcodes of one pickle over a stack of values, as Python's does, but makes data only.
/// Each value costs at least a byte of the file, and what is copied in memory is counted, so
/// neither time nor memory can exceed a constant times the file's size.
class PickleMachine {
 public:
  PickleMachine(std::string_view bytes, const std::string& source, std::size_t begin)
      : bytes_(bytes), source_(source), position_(begin), begin_(begin), opcode_at_(begin) {}

  /// Runs to the end of the pickle. @throws Error(Data)
  void run();
  PickleId root() const { return root_; }
  std::size_t position() const { return position_; }
  std::vector<PickleNode> take_nodes() { return std::move(nodes_); }

 private:
  // Each does one opcode of its group and returns whether it was one.
  bool do_number(unsigned char opcode);
  bool do_text(unsigned char opcode);
  bool do_empty(unsigned char opcode);
  bool do_tuple(unsigned char opcode);
  bool do_fill(unsigned char opcode);
  bool do_stack(unsigned char opcode);
  bool do_memo(unsigned char opcode);
  bool do_class(unsigned char opcode);
  bool do_frame(unsigned char opcode);

  void push_long(std::uint64_t size);
  void push_class(const std::string& name);
  void store(std::uint64_t slot);
  void recall(std::uint64_t slot);
  void call();
  void set_state();
  void fill_dict(PickleNode& dict, const std::vector<PickleId>& pairs);
  std::vector<PickleId> pairs_of(const PickleNode& arguments);
  std::string bytes_of(const PickleNode& arguments);
  void count_copy(std::size_t amount);

  void push(PickleNode node);
  void push_items(PickleKind kind, std::vector<PickleId> items);
  PickleId pop();
  PickleNode& top(PickleKind kind, const char* what);
  std::vector<PickleId> pop_mark();
  std::uint64_t little_endian(std::size_t size);
  std::string_view take(std::uint64_t size);
  std::string_view take_line();
  [[noreturn]] void fail(const std::string& message) const;
  void demand(bool ok, const char* what) const;

  std::string_view bytes_;
  const std::string& source_;
  std::size_t position_, begin_, opcode_at_;
  std::vector<PickleNode> nodes_;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickleId> memo_;
  std::size_t copied_ = 0;
  bool stopped_ = false;
  PickleId root_ = 0;
};

}  // namespace longspan::interop
