// The configuration of a run: overrides, one a line, 0, the YAML.
#include <vector>

#include "fuzz/target.h"
#include "longspan/run/run_config.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  std::string_view yaml = fuzz::text_of(data, size);
  std::vector<std::string> overrides;
  for (std::string_view rest = fuzz::take_part(yaml); !rest.empty();) {
    overrides.emplace_back(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(overrides.back().size() + 1, rest.size()));
  }
  return fuzz::accept_or_refuse([&] {
    const auto document = config::Document::from_text(yaml, "input.yaml", "/", overrides);
    const RunConfig config = read_run_config(document);
    const auto again = config::Document::from_text(config.resolved, "again.yaml", "/");
    if (read_run_config(again).resolved != config.resolved)
      throw std::logic_error("a resolved configuration must read back as it is");
  });
}
