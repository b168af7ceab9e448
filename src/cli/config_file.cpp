// What the YAML files are that users give to verbs, and which settings of them a verb reads.

#include "cli/config_file.h"

#include <algorithm>
#include <filesystem>

#include "longspan/core/error.h"

namespace longspan::cli {
namespace {

namespace fs = std::filesystem;

enum class Kind { Run, Sweep, Other };

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// A file that cannot be read is told by who needs it.
Kind kind_of(const std::string& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return Kind::Other;
  try {
    const auto root = config::Document::from_file(path).root();
    if (root.has("grid")) return Kind::Sweep;
    return root.has("model") && root.has("train") ? Kind::Run : Kind::Other;
  } catch (const Error&) {
    return Kind::Other;
  }
}

std::string_view key_of(std::string_view setting) { return setting.substr(0, setting.find('=')); }

bool is_in(std::string_view key, std::string_view section) {
  return key == section || (key.starts_with(section) && key[section.size()] == '.');
}

}  // namespace

std::string described_config(const std::string& path) {
  const Kind kind = kind_of(path);
  if (kind == Kind::Sweep) return "; it is a sweep's file, which longspan sweep takes";
  return kind == Kind::Run ? "; it is the configuration of a run, which longspan train takes" : "";
}

RunConfig read_config(const std::string& path, const std::vector<std::string>& overrides) {
  const fs::path inside = fs::path(path) / "config.yaml";
  std::error_code ignored;
  check(!is_folder(path), ErrorKind::Config, path,
        ": must be the configuration file of a run, found a folder",
        fs::exists(inside, ignored) ? concat("; its configuration is ", inside.string()) : "");
  check(kind_of(path) != Kind::Sweep, ErrorKind::Config, path,
        ": must be the configuration of a run, found base and grid", described_config(path));
  return read_run_config(config::Document::from_file(path, overrides));
}

void check_is_sweep(const std::string& path) {
  check(kind_of(path) != Kind::Run, ErrorKind::Config, path,
        ": must be a sweep's file, with base and grid, found neither", described_config(path));
}

void check_is_no_file(const std::string& run) {
  std::error_code ignored;
  check(!fs::is_regular_file(run, ignored), ErrorKind::Config, run,
        ": must be the folder of a run, found a file", described_config(run));
}

void check_settings_act(const std::vector<std::string>& settings, std::string_view verb,
                        std::initializer_list<std::string_view> keys) {
  std::string listed;
  for (const std::string_view key : keys) listed += concat(listed.empty() ? "" : ", ", key);
  for (const std::string& setting : settings) {
    const bool acts = std::ranges::any_of(
        keys, [&](std::string_view key) { return is_in(key_of(setting), key); });
    check(acts, ErrorKind::Config, "--set must name a key that ", verb, " reads, one of ", listed,
          ", or in one of these sections, got ", setting, "; leave it out");
  }
}

}  // namespace longspan::cli
