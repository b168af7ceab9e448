// The opcodes of lists, tuples, dicts and sets, and of the memo that lets values stand in several
// places.

#include <utility>

#include "interop/pickle_machine.h"
#include "longspan/core/error.h"

namespace longspan::interop {

bool PickleMachine::do_empty(unsigned char opcode) {
  switch (opcode) {
    case ']':
      push(PickleNode::scalar(PickleKind::List));
      return true;
    case '}':
      push(PickleNode::scalar(PickleKind::Dict));
      return true;
    case ')':
      push(PickleNode::scalar(PickleKind::Tuple));
      return true;
    case 0x8f:
      push(PickleNode::scalar(PickleKind::Set));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::do_tuple(unsigned char opcode) {
  if (opcode >= 0x85 && opcode <= 0x87) {
    std::vector<PickleId> items(opcode - 0x84u);
    for (std::size_t i = items.size(); i-- > 0;) items[i] = pop();
    push_items(PickleKind::Tuple, std::move(items));
    return true;
  }
  switch (opcode) {
    case 't':
      push_items(PickleKind::Tuple, pop_mark());
      return true;
    case 'l':
      push_items(PickleKind::List, pop_mark());
      return true;
    case 0x91:
      push_items(PickleKind::Set, pop_mark());
      return true;
    case 'd': {
      std::vector<PickleId> pairs = pop_mark();
      PickleNode dict = PickleNode::scalar(PickleKind::Dict);
      fill_dict(dict, pairs);
      push(std::move(dict));
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::do_fill(unsigned char opcode) {
  const auto append = [&](PickleKind kind, const char* what, const std::vector<PickleId>& items) {
    PickleNode& target = top(kind, what);
    target.items.insert(target.items.end(), items.begin(), items.end());
  };
  switch (opcode) {
    case 'a':
      append(PickleKind::List, "a list", {pop()});
      return true;
    case 'e': {
      const auto items = pop_mark();
      append(PickleKind::List, "a list", items);
      return true;
    }
    case 0x90: {
      const auto items = pop_mark();
      append(PickleKind::Set, "a set", items);
      return true;
    }
    case 's': {
      const PickleId value = pop(), key = pop();
      fill_dict(top(PickleKind::Dict, "a dict"), {key, value});
      return true;
    }
    case 'u': {
      const auto pairs = pop_mark();
      fill_dict(top(PickleKind::Dict, "a dict"), pairs);
      return true;
    }
    default:
      return false;
  }
}

void PickleMachine::fill_dict(PickleNode& dict, const std::vector<PickleId>& pairs) {
  demand(pairs.size() % 2 == 0, "a dict must be filled with pairs of key and value");
  dict.items.insert(dict.items.end(), pairs.begin(), pairs.end());
}

bool PickleMachine::do_stack(unsigned char opcode) {
  switch (opcode) {
    case '(':
      marks_.push_back(stack_.size());
      return true;
    case '0':
      pop();
      return true;
    case '1':
      pop_mark();
      return true;
    case '2': {
      const PickleId copied = pop();
      stack_.push_back(copied);
      stack_.push_back(copied);
      return true;
    }
    case '.':
      demand(marks_.empty(), "a pickle must close its lists before it stops");
      root_ = pop();
      stopped_ = true;
      return true;
    default:
      return false;
  }
}

bool PickleMachine::do_memo(unsigned char opcode) {
  switch (opcode) {
    case 'q':
      store(little_endian(1));
      return true;
    case 'r':
      store(little_endian(4));
      return true;
    case 0x94:
      store(memo_.size());
      return true;
    case 'h':
      recall(little_endian(1));
      return true;
    case 'j':
      recall(little_endian(4));
      return true;
    default:
      return false;
  }
}

void PickleMachine::store(std::uint64_t slot) {
  const PickleId value = pop();
  stack_.push_back(value);
  memo_[slot] = value;
}

void PickleMachine::recall(std::uint64_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end())
    fail(concat("a value must be remembered before use, got number ", slot));
  stack_.push_back(found->second);
}

}  // namespace longspan::interop
