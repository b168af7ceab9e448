// A resolved configuration as a flat list, for comparing two of them key by key.

#include "longspan/config/leaves.h"

#include "config/node.h"
#include "config/parse.h"
#include "config/scalar.h"
#include "longspan/core/error.h"

namespace longspan::config {
namespace {

void append(const Node& map, std::vector<Leaf>& result) {
  for (const Entry& entry : map.entries) {
    if (entry.value->kind == Node::Kind::Map)
      append(*entry.value, result);
    else
      result.emplace_back(entry.value->path, to_flow(*entry.value));
  }
}

}  // namespace

std::vector<Leaf> leaves(std::string_view resolved, const std::string& name) {
  const auto top =
      parse_yaml(resolved, std::make_shared<const Source>(Source{name, false, {}}), "");
  check(top->kind == Node::Kind::Map, ErrorKind::Config, name, ": must hold a map of keys, got ",
        describe(*top));
  std::vector<Leaf> result;
  append(*top, result);
  return result;
}

}  // namespace longspan::config
