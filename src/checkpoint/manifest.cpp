// manifest.json, which makes a folder a checkpoint: it is written last and names every other file.

#include "checkpoint/manifest.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>

#include "checkpoint/blame.h"
#include "checkpoint/require.h"
#include "checkpoint/step_folder.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/files.h"
#include "longspan/core/inside.h"
#include "longspan/core/json.h"

namespace longspan::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr char kFormat[] = "longspan.checkpoint/1";
constexpr char kChecksumKey[] = "xxh3_128";
constexpr std::uint64_t kMaxStep = std::uint64_t{1} << 50;

const Json& member(const Json& object, const char* key, Json::value_t type,
                   const std::string& place) {
  require(object.is_object() && object.contains(key), place, key, " must be there, it is missing");
  const Json& value = object[key];
  require(value.type() == type, place, key, " must be a ", Json(type).type_name(), ", got ",
          value.dump());
  return value;
}

bool is_checksum(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

ManifestFile read_file_entry(const Json& value, const fs::path& folder, const std::string& place) {
  ManifestFile file;
  file.name = member(value, "name", Json::value_t::string, place).get<std::string>();
  file.bytes = member(value, "bytes", Json::value_t::number_unsigned, place).get<std::uint64_t>();
  file.checksum = member(value, kChecksumKey, Json::value_t::string, place).get<std::string>();
  require(path_inside(folder, file.name).has_value(), place,
          "name must be a path inside the folder, got ", file.name);
  require(is_checksum(file.checksum), place, kChecksumKey, " must be 32 hexadecimal digits, got ",
          file.checksum);
  return file;
}

Manifest parse_manifest(const Json& json, const fs::path& folder, const std::string& place) {
  const std::string format =
      member(json, "format", Json::value_t::string, place).get<std::string>();
  check(format == kFormat, ErrorKind::Checkpoint, place, ": format must be ", kFormat, ", got ",
        format, "; was it written by another version?");
  Manifest manifest;
  const Json& step = member(json, "step", Json::value_t::number_unsigned, place);
  require(step.get<std::uint64_t>() <= kMaxStep, place, "step must be at most ", kMaxStep, ", got ",
          step.dump());
  manifest.step = step.get<std::int64_t>();
  for (const Json& entry : member(json, "files", Json::value_t::array, place)) {
    manifest.files.push_back(read_file_entry(entry, folder, place));
  }
  std::set<std::string> names;
  for (const ManifestFile& file : manifest.files) {
    require(names.insert(file.name).second, place, "names of files must differ, got twice ",
            file.name);
  }
  for (const char* name : {kModelName, kOptimizerName, kTrainerName, kConfigName}) {
    require(names.contains(name), place, "must list ", name, ", it does not");
  }
  return manifest;
}

void check_size(const fs::path& path, std::uint64_t bytes) {
  std::error_code failure;
  const bool is_file = fs::is_regular_file(path, failure);
  require(is_file, path.string(), "must be there, it is missing");
  const std::uint64_t found = fs::file_size(path, failure);
  require(!failure && found == bytes, path.string(), "must have ", bytes,
          " bytes as manifest.json says, it has ", found);
}

}  // namespace

const ManifestFile& Manifest::file(const std::string& name) const {
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const ManifestFile& file) { return file.name == name; });
  if (found == files.end()) unreachable();
  return *found;
}

std::string format_manifest(const Manifest& manifest) {
  Json json = {{"format", kFormat}, {"step", manifest.step}, {"files", Json::array()}};
  for (const ManifestFile& file : manifest.files) {
    json["files"].push_back(
        {{"name", file.name}, {"bytes", file.bytes}, {kChecksumKey, file.checksum}});
  }
  return json.dump(2) + "\n";
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestName;
  check(blaming_checkpoint([&] { return fs::is_directory(folder); }), ErrorKind::Checkpoint,
        folder.string(), ": must be a checkpoint folder, there is none");
  check(blaming_checkpoint([&] { return fs::exists(path); }), ErrorKind::Checkpoint,
        folder.string(),
        ": must have a manifest.json, it has none; it is no checkpoint, or one that was not "
        "finished");
  const std::string text = blaming_checkpoint([&] { return read_json_text(path); });
  const Manifest manifest = parse_manifest(
      blaming_checkpoint([&] { return parse_json(text, path.string()); }), folder, path.string());
  require(text.ends_with("}\n"), path.string(), "must end with a line break, it was cut short");
  const auto named = step_in_name(folder);
  require(!named || *named == manifest.step, path.string(),
          "step must be that of the folder's name, got ", manifest.step);
  for (const ManifestFile& file : manifest.files) check_size(folder / file.name, file.bytes);
  return manifest;
}

}  // namespace longspan::checkpoint
