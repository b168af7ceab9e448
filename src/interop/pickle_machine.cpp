// Runs a pickle: the loop over its opcodes of protocols 2 to 5, those of numbers and texts, and the
// stack, every access of which is checked.

#include "interop/pickle_machine.h"

#include <array>
#include <bit>
#include <cstdio>
#include <utility>

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

constexpr std::size_t kMaxNodes = std::size_t{1} << 21;
constexpr std::uint64_t kNewestProtocol = 5;

std::string hexadecimal(unsigned char byte) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%02x", byte);
  return text;
}

}  // namespace

void PickleMachine::run() {
  while (!stopped_) {
    opcode_at_ = position_;
    const auto opcode = static_cast<unsigned char>(take(1)[0]);
    const bool done = do_memo(opcode) || do_number(opcode) || do_text(opcode) || do_empty(opcode) ||
                      do_tuple(opcode) || do_fill(opcode) || do_stack(opcode) || do_class(opcode) ||
                      do_frame(opcode);
    if (!done) fail("a pickle must hold opcodes of plain data, got " + hexadecimal(opcode));
  }
}

bool PickleMachine::do_number(unsigned char opcode) {
  switch (opcode) {
    case 'N':
      push(PickleNode::scalar(PickleKind::None));
      return true;
    case 0x88:
    case 0x89:
      push(PickleNode::scalar(PickleKind::Bool, opcode == 0x88));
      return true;
    case 'K':
      push(PickleNode::scalar(PickleKind::Integer, static_cast<std::int64_t>(little_endian(1))));
      return true;
    case 'M':
      push(PickleNode::scalar(PickleKind::Integer, static_cast<std::int64_t>(little_endian(2))));
      return true;
    case 'J':
      push(PickleNode::scalar(PickleKind::Integer, static_cast<std::int32_t>(little_endian(4))));
      return true;
    case 0x8a:
      push_long(little_endian(1));
      return true;
    case 0x8b:
      push_long(little_endian(4));
      return true;
    case 'G': {
      std::uint64_t bits = 0;
      for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
      PickleNode node = PickleNode::scalar(PickleKind::Float);
      node.number = std::bit_cast<double>(bits);
      push(std::move(node));
      return true;
    }
    default:
      return false;
  }
}

// Two's complement, little-endian, of any size.
void PickleMachine::push_long(std::uint64_t size) {
  const std::string_view digits = take(size);
  if (size > 8) return push(PickleNode::textual(PickleKind::BigInteger, std::string(digits)));
  std::uint64_t value = 0;
  for (std::size_t i = digits.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(digits[i]);
  const bool negative = size > 0 && (static_cast<unsigned char>(digits.back()) & 0x80u) != 0;
  if (negative && size < 8) value |= ~std::uint64_t{0} << (8 * size);
  push(PickleNode::scalar(PickleKind::Integer, static_cast<std::int64_t>(value)));
}

bool PickleMachine::do_text(unsigned char opcode) {
  struct Form {
    unsigned char opcode;
    std::size_t size_bytes;
    PickleKind kind;
  };
  // Python 2 wrote its texts as byte strings ('T', 'U').
  constexpr std::array<Form, 8> kForms{{{'X', 4, PickleKind::Text},
                                        {0x8c, 1, PickleKind::Text},
                                        {0x8d, 8, PickleKind::Text},
                                        {'T', 4, PickleKind::Text},
                                        {'U', 1, PickleKind::Text},
                                        {'B', 4, PickleKind::Bytes},
                                        {'C', 1, PickleKind::Bytes},
                                        {0x8e, 8, PickleKind::Bytes}}};
  for (const Form& form : kForms) {
    if (form.opcode != opcode) continue;
    push(PickleNode::textual(form.kind, std::string(take(little_endian(form.size_bytes)))));
    return true;
  }
  return false;
}

bool PickleMachine::do_frame(unsigned char opcode) {
  if (opcode == 0x80) {
    const std::uint64_t protocol = little_endian(1);
    if (protocol > kNewestProtocol)
      fail(concat("the pickle protocol must be at most ", kNewestProtocol, ", got ", protocol));
    return true;
  }
  if (opcode != 0x95) return false;
  const std::uint64_t size = little_endian(8);
  if (size > bytes_.size() - position_)
    fail(concat("a frame must end within the file, got ", size, " bytes"));
  return true;
}

// References cost a few bytes in the file and may stand for much; what they make grow is limited.
void PickleMachine::count_copy(std::size_t amount) {
  copied_ += amount;
  demand(copied_ <= bytes_.size(), "a pickle must not grow beyond its file by references");
}

void PickleMachine::push(PickleNode node) {
  demand(nodes_.size() < kMaxNodes, "a pickle must have at most 2^21 values");
  nodes_.push_back(std::move(node));
  stack_.push_back(static_cast<PickleId>(nodes_.size() - 1));
}

void PickleMachine::push_items(PickleKind kind, std::vector<PickleId> items) {
  push({kind, 0, 0.0, {}, std::move(items)});
}

PickleId PickleMachine::pop() {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  demand(stack_.size() > floor, "an opcode must find its values on the stack, got none");
  const PickleId value = stack_.back();
  stack_.pop_back();
  return value;
}

PickleNode& PickleMachine::top(PickleKind kind, const char* what) {
  const PickleId id = pop();
  stack_.push_back(id);
  if (nodes_[id].kind != kind)
    fail(concat("an opcode must find ", what, " on the stack, got ", Pickle::describe(nodes_[id])));
  return nodes_[id];
}

std::vector<PickleId> PickleMachine::pop_mark() {
  demand(!marks_.empty(), "an opcode must find a mark on the stack, got none");
  const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleId> items(from, stack_.end());
  stack_.erase(from, stack_.end());
  marks_.pop_back();
  return items;
}

std::uint64_t PickleMachine::little_endian(std::size_t size) {
  const std::string_view digits = take(size);
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(digits[i]);
  return value;
}

std::string_view PickleMachine::take(std::uint64_t size) {
  const std::size_t left = bytes_.size() - position_;
  if (size > left)
    fail(concat("the next ", size, " bytes must lie within the pickle, it has ", left, " left"));
  const std::string_view taken = bytes_.substr(position_, static_cast<std::size_t>(size));
  position_ += taken.size();
  return taken;
}

std::string_view PickleMachine::take_line() {
  const std::size_t end = bytes_.find('\n', position_);
  demand(end != std::string_view::npos, "a line must end within the pickle");
  const std::string_view line = bytes_.substr(position_, end - position_);
  position_ = end + 1;
  return line;
}

void PickleMachine::fail(const std::string& message) const {
  throw Error(ErrorKind::Data, concat(source_, ": byte ", opcode_at_, ": ", message));
}

void PickleMachine::demand(bool ok, const char* what) const {
  if (!ok) fail(what);
}

}  // namespace longspan::interop
