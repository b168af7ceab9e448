#pragma once

#include <span>
#include <string_view>

#include "interop/architecture.h"
#include "interop/gguf_file.h"

namespace longspan::interop {

/// What llama.cpp has of an architecture of transformers.
struct GgufArchitecture {
  const Architecture* architecture;
  std::string_view name;  ///< llama.cpp's; its keys begin with it
  /// Notes what would have to change in a model that the architecture of transformers has.
  void (*demand)(Changes& changes);
  /// Adds the keys of the architecture alone.
  void (*add_keys)(const ModelShape& shape, GgufFile& file);
  std::span<const WeightPattern> weights;
  bool pairs_neighbours;  ///< rotary; halves else
};

/// Returns what llama.cpp has of an architecture; null: nothing.
const GgufArchitecture* gguf_architecture_of(const Architecture& architecture);

}  // namespace longspan::interop
