// The table of optimizer kinds: a new optimizer adds its line here and nothing outside this folder.

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "longspan/config/choice.h"
#include "optim/kinds.h"
#include "optim/options.h"

namespace longspan {
namespace {

using ReadKind = OptimizerMaker (*)(const config::Reader&);

template <auto read, auto make>
OptimizerMaker read_kind(const config::Reader& reader) {
  return [options = read(reader)](const NamedTensors& parameters) {
    return make(options, parameters);
  };
}

constexpr std::array<config::Choice<ReadKind>, 3> kKinds{{
    {"nag", read_kind<read_nag, make_nag>},
    {"adamw", read_kind<read_adamw, make_adamw>},
    {"sgd", read_kind<read_sgd, make_sgd>},
}};
constexpr std::string_view kDefault = "adamw";

// Every option has a default, so a kind reads all of them from an empty section.
std::vector<std::string> options_of(ReadKind read) {
  const auto document = config::Document::from_text("{}", "optimizer options");
  read(document.root());
  return config::Document::from_text(document.resolved(), "optimizer options").keys("");
}

void refuse_options_of_others(const config::Reader& reader, const std::string& kind) {
  std::map<std::string, std::vector<std::string>> owners;
  for (const auto& [name, read] : kKinds)
    for (const auto& option : options_of(read)) owners[option].emplace_back(name);
  for (const auto& [option, kinds] : owners)
    if (std::ranges::find(kinds, kind) == kinds.end()) refuse_option(reader, option, kind, kinds);
}

}  // namespace

std::vector<std::string> optimizer_kinds() { return config::names_of(kKinds); }

OptimizerConfig read_optimizer_config(const config::Reader& reader) {
  OptimizerConfig config;
  const auto read = config::choice(reader, "kind", kKinds, config::value_of(kKinds, kDefault));
  config.kind = config::name_of(kKinds, read);
  refuse_options_of_others(reader, config.kind);
  config.make = read(reader);
  config.clip_norm = reader.number("clip_norm", {.low = 0.0}, config.clip_norm);
  reader.finish();
  return config;
}

}  // namespace longspan
