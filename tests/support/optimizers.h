#pragma once

#include <string>

#include "longspan/optim/optimizer.h"

namespace longspan::testing {

/// Returns the config of any kind, for tests that loop over the table. @param options in YAML, ", "
/// before each
inline OptimizerConfig optimizer_config(const std::string& kind, const std::string& options = "") {
  const auto document =
      config::Document::from_text("optimizer: {kind: " + kind + options + "}", "test.yaml");
  return read_optimizer_config(document.root().section("optimizer"));
}

}  // namespace longspan::testing
