// Two configurations are read before they are compared, so that what one says and the other leaves
// to a default is no difference.

#include "cli/inspect_diff.h"

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/run/config_changes.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;

fs::path config_of(const fs::path& path) {
  if (fs::is_regular_file(path)) return path;
  check(fs::is_directory(path), ErrorKind::Config, path.string(),
        " must be the folder of a run, or a configuration, for --diff");
  const auto checkpoints = list_checkpoints(path);
  const fs::path config = (checkpoints.empty() ? path : checkpoints.back()) / "config.yaml";
  check(fs::exists(config), ErrorKind::Config, path.string(),
        " must be the folder of a run for --diff, it has no config.yaml");
  return config;
}

RunConfig read(const fs::path& path) { return read_run_config(config::Document::from_file(path)); }

}  // namespace

Json inspect_diff(const fs::path& left, const fs::path& right) {
  const fs::path first = config_of(left), second = config_of(right);
  Json changes = Json::array();
  for (const ConfigChange& change : config_changes(read(first), read(second)))
    changes.push_back({{"key", change.key}, {"left", change.before}, {"right", change.now}});
  return {
      {"kind", "diff"}, {"left", first.string()}, {"right", second.string()}, {"changes", changes}};
}

std::string describe_diff(const Json& diff) {
  const auto shown_text = [](const Json& value) { return escaped(value.get<std::string>()); };
  std::string text = concat("left:  ", shown_text(diff.at("left")),
                            "\nright: ", shown_text(diff.at("right")), "\n");
  const Json& changes = diff.at("changes");
  text += changes.empty() ? "no key differs\n" : concat("keys that differ: ", changes.size(), "\n");
  for (const Json& change : changes)
    text += concat("\n", shown_text(change.at("key")), "\n  left:  ", shown_text(change.at("left")),
                   "\n  right: ", shown_text(change.at("right")), "\n");
  return text;
}

}  // namespace longspan::cli
