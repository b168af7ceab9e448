// Two runs of one name and step may be different models: only the weights tell.

#include "evaluate/model_hash.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "longspan/core/hash.h"
#include "longspan/core/progress.h"

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
  const auto bytes_of = [](const at::Tensor& tensor) {
    return static_cast<std::int64_t>(tensor.nbytes());
  };
  std::int64_t all_bytes = 0;
  for (const auto& [name, tensor] : run.model.parameters()) all_bytes += bytes_of(tensor);
  ByteProgress progress("checksum of the weights", all_bytes);
  for (const auto& [name, tensor] : run.model.parameters()) {
    const at::Tensor weights = tensor.detach().contiguous();
    hasher.update(name);
    hasher.update(std::span(static_cast<const std::byte*>(weights.const_data_ptr()),
                            static_cast<std::size_t>(weights.nbytes())));
    progress.add(bytes_of(weights));
  }
  return hasher.digest();
}

}  // namespace longspan
