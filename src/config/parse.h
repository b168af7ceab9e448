#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "config/node.h"

namespace longspan::config {

/// What a dotted path may have: every value carries its own, so that a text of much nesting under
/// long keys would take many times its size.
inline constexpr std::size_t kMaxPathBytes = 500;

/// Parses one YAML document. @param path what the value's dotted path is
/// @return the value; a Null node for a text that holds none
/// @throws Error(Config) for bad syntax or encoding, a duplicate key, an anchor, alias, tag or
/// merge key, and beyond 1 MiB, 4096 keys of a map or kMaxPathBytes
std::shared_ptr<Node> parse_yaml(std::string_view text, std::shared_ptr<const Source> source,
                                 const std::string& path);

}  // namespace longspan::config
