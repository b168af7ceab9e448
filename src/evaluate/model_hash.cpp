// Two runs of one name and step may be different models: only the weights tell.

#include "evaluate/model_hash.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "longspan/core/hash.h"

namespace longspan {
namespace {

// Returns the lines of a section at the top of a resolved configuration.
std::string_view section_of(std::string_view resolved, const std::string& name) {
  std::size_t begin = resolved.find("\n" + name + ":");
  if (begin == std::string_view::npos) return {};
  std::size_t end = begin + 1;
  do end = std::min(resolved.find('\n', end), resolved.size() - 1) + 1;
  while (end < resolved.size() && resolved[end] == ' ');
  return resolved.substr(begin, end - begin);
}

}  // namespace

std::string hash_of_model(const TrainedRun& run) {
  Hasher hasher;
  for (const std::string name : {"model", "position"})
    hasher.update(section_of(run.config.resolved, name));
  hasher.update(run.tokenizer->fingerprint());
  for (const auto& [name, tensor] : run.model.parameters()) {
    const at::Tensor weights = tensor.detach().contiguous();
    hasher.update(name);
    hasher.update(std::span(static_cast<const std::byte*>(weights.const_data_ptr()),
                            static_cast<std::size_t>(weights.nbytes())));
  }
  return hasher.digest();
}

}  // namespace longspan
