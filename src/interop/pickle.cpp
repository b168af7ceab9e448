// What a pickle holds, once read. The reading is in pickle_machine.cpp.

#include "interop/pickle.h"

#include <algorithm>

#include "interop/pickle_machine.h"
#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

constexpr std::size_t kShownBytes = 60;

// A file's text may hold anything; an error is one line of ASCII.
std::string shown(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, kShownBytes)) result += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kShownBytes ? result + "..." : result;
}

}  // namespace

Pickle Pickle::read(std::string_view bytes, const std::string& source, std::size_t begin) {
  PickleMachine machine(bytes, source, begin);
  machine.run();
  Pickle result;
  result.root_ = machine.root();
  result.end_ = machine.position();
  result.nodes_ = machine.take_nodes();
  return result;
}

const PickleNode* Pickle::as_dict(const PickleNode& value) const {
  if (value.kind == PickleKind::Dict) return &value;
  if (value.kind != PickleKind::Object || value.text != kNamespace || value.items.size() < 2)
    return nullptr;
  const PickleNode& state = node(value.items[1]);
  return state.kind == PickleKind::Dict ? &state : nullptr;
}

const PickleNode* Pickle::find(const PickleNode& map, std::string_view key) const {
  const PickleNode* dict = as_dict(map);
  if (dict == nullptr) return nullptr;
  for (std::size_t i = dict->items.size(); i >= 2; i -= 2) {  // a later entry replaces an earlier
    const PickleNode& name = node(dict->items[i - 2]);
    if (name.kind == PickleKind::Text && name.text == key) return &node(dict->items[i - 1]);
  }
  return nullptr;
}

std::string Pickle::describe(const PickleNode& value) {
  switch (value.kind) {
    case PickleKind::None:
      return "None";
    case PickleKind::Bool:
      return value.integer != 0 ? "True" : "False";
    case PickleKind::Integer:
      return std::to_string(value.integer);
    case PickleKind::BigInteger:
      return concat("an integer of ", value.text.size(), " bytes");
    case PickleKind::Float:
      return concat(value.number);
    case PickleKind::Text:
      return concat("'", shown(value.text), "'");
    case PickleKind::Bytes:
      return concat(value.text.size(), " bytes");
    case PickleKind::List:
      return concat("a list of ", value.items.size());
    case PickleKind::Tuple:
      return concat("a tuple of ", value.items.size());
    case PickleKind::Dict:
      return concat("a dict of ", value.items.size() / 2);
    case PickleKind::Set:
      return concat("a set of ", value.items.size());
    case PickleKind::Class:
      return concat("the class ", shown(value.text));
    case PickleKind::Object:
      return concat("an object of ", shown(value.text));
    case PickleKind::Persistent:
      return "a reference to data outside the pickle";
  }
  unreachable();
}

}  // namespace longspan::interop
