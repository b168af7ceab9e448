// The manifest carries a digest of its own content, so that a damaged count is found like a damaged
// shard.
#include "data/manifest.h"

#include <limits>

#include "longspan/core/error.h"
#include "longspan/core/hash.h"

namespace longspan {
namespace {

std::string digest_of(Json manifest) {
  manifest.erase("digest");
  return hash_of(manifest.dump());
}

std::string read(const std::filesystem::path& path) {
  try {
    return read_json_text(path);
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(Error(
        ErrorKind::Data, concat("a shard folder must have a readable manifest: ", cause.what())));
  }
}

}  // namespace

std::int64_t whole_number(const Json& object, const char* key) {
  const Json& number = object.at(key);
  const bool fits = number.is_number_integer() &&
                    !(number.is_number_unsigned() &&
                      number.get<std::uint64_t>() >
                          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  check(fits, ErrorKind::Data, "a manifest's ", key, " must be a whole number, found ",
        number.dump(), kPrepareAgain);
  return number.get<std::int64_t>();
}

void write_manifest(const std::filesystem::path& folder, Json manifest) {
  manifest["digest"] = digest_of(manifest);
  write_json(folder / kManifestFile, manifest);
}

Json read_manifest(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kManifestFile;
  const std::string text = read(path);
  const Json manifest = parse_json(text, path.string());
  try {
    const auto format = manifest.at("format").get<std::string>();
    check(format == kShardsFormat, ErrorKind::Data, path.string(), ": format must be ",
          kShardsFormat, ", found ", format, kPrepareAgain);
    check(text.ends_with("}\n"), ErrorKind::Data, path.string(),
          ": the manifest must end with a line break, it was cut short", kPrepareAgain);
    const auto digest = manifest.at("digest").get<std::string>();
    check(digest == digest_of(manifest), ErrorKind::Data, path.string(),
          ": the manifest is damaged: its digest must be ", digest_of(manifest), ", found ", digest,
          kPrepareAgain);
  } catch (const Json::exception& cause) {
    std::throw_with_nested(Error(
        ErrorKind::Data,
        concat(path.string(), ": must be the manifest of a shard folder, got: ", cause.what())));
  }
  return manifest;
}

}  // namespace longspan
