// Identity of a text: cheap by size and time of change, certain by digest.
#include "data/source.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

#include "data/synthetic_language.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"

namespace longspan {
namespace {

struct FileState {
  std::int64_t bytes = 0;
  std::int64_t modified_ns = 0;
};

FileState state_of(const std::string& path) {
  struct stat status {};
  const bool ok = ::stat(path.c_str(), &status) == 0;
  check(ok, ErrorKind::Data, path,
        ": must be a readable text file, got: ", ok ? "" : std::generic_category().message(errno));
  return {status.st_size, status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec};
}

std::string digest_of(const std::string& path) {
  try {
    return hash_of_file(path);
  } catch (const Error& cause) {
    std::throw_with_nested(Error(
        ErrorKind::Data, concat(path, ": must be a readable text file, got: ", cause.what())));
  }
}

Json describe_synthetic(const SyntheticConfig& config) {
  return {{"version", kSyntheticTextVersion},
          {"seed", config.seed},
          {"num_articles", config.num_articles},
          {"vocab_words", config.vocab_words}};
}

std::string file_difference(const Json& described, const std::string& path) {
  const FileState now = state_of(path);
  const auto was_path = described.at("path").get<std::string>();
  const auto was_bytes = described.at("bytes").get<std::int64_t>();
  if (now.bytes != was_bytes)
    return concat(was_path, " had ", was_bytes, " bytes, ", path, " has ", now.bytes);
  if (was_path == path && described.at("modified_ns").get<std::int64_t>() == now.modified_ns)
    return "";
  const bool same = digest_of(path) == described.at("digest").get<std::string>();
  return same ? "" : concat("the content of ", path, " differs from what ", was_path, " had");
}

std::string synthetic_difference(const Json& described, const SyntheticConfig& config) {
  const Json now = describe_synthetic(config);
  for (const auto& [key, value] : now.items()) {
    if (described.at(key) != value)
      return concat("synthetic.", key, " was ", described.at(key), ", is ", value);
  }
  return "";
}

}  // namespace

Json describe_source(const TextConfig& config) {
  if (config.synthetic) return {{"synthetic", describe_synthetic(config.synthetic_config)}};
  Json files = Json::array();
  for (const std::string& path : text_files(config)) {
    const FileState state = state_of(path);
    files.push_back({{"path", path},
                     {"bytes", state.bytes},
                     {"modified_ns", state.modified_ns},
                     {"digest", digest_of(path)}});
  }
  return {{"files", files}};
}

std::string source_difference(const Json& described, const TextConfig& config) {
  if (described.contains("synthetic") != config.synthetic) {
    return config.synthetic ? "it was files, is synthetic" : "it was synthetic, is files";
  }
  if (config.synthetic)
    return synthetic_difference(described.at("synthetic"), config.synthetic_config);
  const Json& files = described.at("files");
  const std::vector<std::string> paths = text_files(config);
  if (files.size() != paths.size())
    return concat("it was ", files.size(), " files, is ", paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::string difference = file_difference(files[i], paths[i]);
    if (!difference.empty()) return difference;
  }
  return "";
}

std::int64_t file_bytes(const TextConfig& config) {
  std::int64_t bytes = 0;
  for (const std::string& path : text_files(config)) bytes += state_of(path).bytes;
  return bytes;
}

}  // namespace longspan
