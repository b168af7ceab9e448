// The opcodes that name a class or use one. A short list of names is accepted and every other one
// refused; calling one only writes the call down.

#include <algorithm>
#include <array>
#include <utility>

#include "interop/pickle_machine.h"
#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

// Classes that appear by name and may be called.
constexpr std::array<std::string_view, 9> kCallable = {
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    kOrderedDict,
    kNamespace,
    "_codecs.encode",  // bytes, in protocol 2
    "builtins.set",
    "__builtin__.set",
    "builtins.frozenset",
    "__builtin__.frozenset",
};

bool is_callable(std::string_view name) {
  return std::ranges::find(kCallable, name) != kCallable.end();
}

bool is_storage(std::string_view name) {
  return name.starts_with("torch.") && name.ends_with("Storage") &&
         name.find('.', 6) == std::string_view::npos;
}

bool is_set(std::string_view name) { return name.ends_with("set"); }

}  // namespace

bool PickleMachine::do_class(unsigned char opcode) {
  switch (opcode) {
    case 'c': {
      const std::string module(take_line());
      push_class(module + "." + std::string(take_line()));
      return true;
    }
    case 0x93: {
      const PickleNode name = nodes_[pop()], module = nodes_[pop()];
      demand(name.kind == PickleKind::Text && module.kind == PickleKind::Text,
             "a class must be named by two texts");
      count_copy(name.text.size() + module.text.size());
      push_class(module.text + "." + name.text);
      return true;
    }
    case 'R':
    case 0x81:
      call();
      return true;
    case 'b':
      set_state();
      return true;
    case 'Q':
      push_items(PickleKind::Persistent, {pop()});
      return true;
    default:
      return false;
  }
}

void PickleMachine::push_class(const std::string& name) {
  if (!is_callable(name) && !is_storage(name))
    fail("nothing in a pickle is executed, so a class must be one of plain data and tensors, got " +
         Pickle::describe(PickleNode::textual(PickleKind::Text, name)));
  push(PickleNode::textual(PickleKind::Class, name));
}

void PickleMachine::call() {
  const PickleId arguments_id = pop();
  const PickleId class_id = pop();
  const std::string name = nodes_[class_id].text;
  if (nodes_[class_id].kind != PickleKind::Class || !is_callable(name))
    fail("only a class with a known meaning can be called, got " +
         Pickle::describe(nodes_[class_id]));
  const PickleNode& arguments = nodes_[arguments_id];
  demand(arguments.kind == PickleKind::Tuple, "a call must have a tuple of arguments");
  if (name == kOrderedDict) {
    PickleNode dict = PickleNode::scalar(PickleKind::Dict);
    fill_dict(dict, pairs_of(arguments));
    return push(std::move(dict));
  }
  if (name == "_codecs.encode")
    return push(PickleNode::textual(PickleKind::Bytes, bytes_of(arguments)));
  if (is_set(name)) {
    demand(arguments.items.size() == 1 && nodes_[arguments.items[0]].kind == PickleKind::List,
           "a set must be made from one list");
    const std::vector<PickleId>& items = nodes_[arguments.items[0]].items;
    count_copy(items.size());
    return push_items(PickleKind::Set, items);
  }
  PickleNode object = PickleNode::textual(PickleKind::Object, name);
  object.items = {arguments_id};
  push(std::move(object));
}

// An ordered dict is made empty, or from a list of pairs.
std::vector<PickleId> PickleMachine::pairs_of(const PickleNode& arguments) {
  constexpr char kForm[] = "an OrderedDict must be made from nothing or one list of pairs";
  if (arguments.items.empty()) return {};
  const PickleNode& list = nodes_[arguments.items[0]];
  demand(arguments.items.size() == 1 && list.kind == PickleKind::List, kForm);
  count_copy(list.items.size());
  std::vector<PickleId> pairs;
  for (const PickleId id : list.items) {
    const PickleNode& pair = nodes_[id];
    demand(
        (pair.kind == PickleKind::List || pair.kind == PickleKind::Tuple) && pair.items.size() == 2,
        kForm);
    pairs.insert(pairs.end(), pair.items.begin(), pair.items.end());
  }
  return pairs;
}

// encode(text, 'latin1'): each code point of the text is a byte.
std::string PickleMachine::bytes_of(const PickleNode& arguments) {
  demand(arguments.items.size() == 2 && nodes_[arguments.items[0]].kind == PickleKind::Text &&
             nodes_[arguments.items[1]].text == "latin1",
         "bytes must be written as text in latin1");
  const std::string& text = nodes_[arguments.items[0]].text;
  count_copy(text.size());
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      result += text[i];
      continue;
    }
    demand((lead == 0xc2 || lead == 0xc3) && i + 1 < text.size(), "bytes must lie in latin1");
    const auto next = static_cast<unsigned char>(text[++i]);
    result += static_cast<char>((lead & 0x03u) << 6 | (next & 0x3fu));
  }
  return result;
}

// Attributes: a Namespace's are its content; a dict's are of no use here.
void PickleMachine::set_state() {
  const PickleId state = pop();
  const PickleId target_id = pop();
  stack_.push_back(target_id);
  PickleNode& target = nodes_[target_id];
  if (target.kind == PickleKind::Dict) return;
  const bool is_namespace = target.kind == PickleKind::Object && target.text == kNamespace;
  demand(is_namespace && nodes_[state].kind == PickleKind::Dict,
         "only an argparse.Namespace can be given attributes, from a dict");
  target.items.resize(1);
  target.items.push_back(state);
}

}  // namespace longspan::interop
