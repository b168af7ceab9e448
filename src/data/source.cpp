// Identity of a text: cheap by size and time of change, certain by digest.
#include "data/source.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <system_error>
#include <vector>

#include "data/synthetic_language.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"

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

bool matches(const std::string& path, const std::string& pattern) {
  return path == pattern ||
         ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

// The files of a text as they are now, one for each that was described. A text may be gone, or
// never have been on this machine: then its name tells it.
class FilesNow {
 public:
  FilesNow(const Json& described, const TextConfig& config) {
    for (const Json& file : described) described_.push_back(file.at("path").get<std::string>());
    for (const std::string& pattern : config.patterns) add(pattern);
  }

  std::size_t count() const { return paths_.size(); }
  /// Empty for a file that is gone.
  const std::string& path(std::size_t i) const { return paths_[i]; }

 private:
  void add(const std::string& pattern) {
    const std::vector<std::string> there = files_there(pattern);
    paths_.insert(paths_.end(), there.begin(), there.end());
    if (there.empty()) add_gone(pattern);
  }

  void add_gone(const std::string& pattern) {
    const std::size_t first = paths_.size();
    const auto take = [&](const auto& is_same) {
      while (paths_.size() < described_.size() && is_same(described_[paths_.size()])) {
        paths_.emplace_back();
        if (!is_glob(pattern)) break;
      }
      return paths_.size() > first;
    };
    if (take([&](const std::string& was) { return matches(was, pattern); })) {
      log::info("the text is not there, its shards stand for it", {{"text", pattern}});
    } else if (take([&](const auto& was) { return matches(file_name(was), file_name(pattern)); })) {
      log::warn(concat(pattern, " is not there; shards stand for it that were made from ",
                       described_[first], ", a text of the same name"));
    } else {
      TextConfig missing;
      missing.patterns = {pattern};
      text_files(missing);  // throws
    }
  }

  std::vector<std::string> described_, paths_;
};

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
  const FilesNow now(files, config);
  if (files.size() != now.count())
    return concat("it was ", files.size(), " files, is ", now.count());
  for (std::size_t i = 0; i < now.count(); ++i) {
    const std::string difference =
        now.path(i).empty() ? "" : file_difference(files[i], now.path(i));
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
