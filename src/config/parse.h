#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/node.h"

namespace longspan::config {

/// Parses one YAML document. @param path what the value's dotted path is
/// @return the value; a Null node for a text that holds none
/// @throws Error(Config) for bad syntax or encoding, a duplicate key, an anchor, alias, tag or
/// merge key
std::shared_ptr<Node> parse_yaml(std::string_view text, std::shared_ptr<const Source> source,
                                 const std::string& path);

}  // namespace longspan::config
