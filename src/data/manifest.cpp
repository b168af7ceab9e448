// The manifest carries a digest of its own content, so that a damaged count is found like a damaged
// shard.
#include "data/manifest.h"

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"

namespace longspan {
namespace {

std::string digest_of(Json manifest) {
  manifest.erase("digest");
  return hash_of(manifest.dump());
}

Json read(const std::filesystem::path& path) {
  try {
    return read_json(path);
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Io) throw;
    std::throw_with_nested(Error(
        ErrorKind::Data, concat("a shard folder must have a readable manifest: ", cause.what())));
  }
}

}  // namespace

void write_manifest(const std::filesystem::path& folder, Json manifest) {
  manifest["digest"] = digest_of(manifest);
  write_json(folder / kManifestFile, manifest);
}

Json read_manifest(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kManifestFile;
  const Json manifest = read(path);
  try {
    const auto format = manifest.at("format").get<std::string>();
    check(format == kShardsFormat, ErrorKind::Data, path.string(), ": format must be ",
          kShardsFormat, ", found ", format, "; remove the folder and prepare it again");
    check(read_file(path).ends_with("}\n"), ErrorKind::Data, path.string(),
          ": the manifest must end with a line break, it was cut short; remove the folder and "
          "prepare it again");
    const auto digest = manifest.at("digest").get<std::string>();
    check(digest == digest_of(manifest), ErrorKind::Data, path.string(),
          ": the manifest is damaged: its digest must be ", digest_of(manifest), ", found ", digest,
          "; remove the folder and prepare it again");
  } catch (const Json::exception& cause) {
    std::throw_with_nested(Error(
        ErrorKind::Data,
        concat(path.string(), ": must be the manifest of a shard folder, got: ", cause.what())));
  }
  return manifest;
}

}  // namespace longspan
