// Identity of a text: cheap by size and time of change, certain by digest.
#include "data/source.h"

#include <fnmatch.h>

#include <cstddef>
#include <filesystem>
#include <vector>

#include "data/file_state.h"
#include "data/json_lines.h"
#include "data/synthetic_language.h"
#include "data/text_reader.h"
#include "data/text_units.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"
#include "longspan/core/progress.h"

namespace longspan {
namespace {

constexpr std::string_view kRole = "a readable text file";

std::string digest_of(const std::string& path, ByteProgress& progress) {
  return reading_text(path, [&] {
    FileReader file(path);
    std::vector<char> buffer(std::size_t{1} << 20);
    Hasher hasher;
    while (const std::size_t count = file.read(buffer)) {
      hasher.update(std::string_view(buffer.data(), count));
      progress.add(static_cast<std::int64_t>(count));
    }
    return hasher.digest();
  });
}

Json describe_synthetic(const SyntheticConfig& config) {
  return {{"version", kSyntheticTextVersion},
          {"seed", config.seed},
          {"num_articles", config.num_articles},
          {"vocab_words", config.vocab_words}};
}

std::string form_of(const std::string& text_key) {
  return text_key.empty() ? "plain text" : concat("JSON lines with data.text_key ", text_key);
}

// Returns the key of a file's records; "" for plain text.
std::string text_key_of(const std::string& path, const TextConfig& config) {
  return has_json_lines(path) ? config.text_key : "";
}

std::string file_difference(const Json& described, const std::string& path,
                            const TextConfig& config) {
  const auto was_path = described.at("path").get<std::string>();
  const std::string was_key = described.value("text_key", "");
  const std::string key = text_key_of(path.empty() ? was_path : path, config);
  if (key != was_key)
    return concat(was_path, " was read as ", form_of(was_key), ", is read as ", form_of(key));
  if (path.empty()) return "";  // gone
  const FileState now = state_of(path, kRole);
  return content_difference(described, path, now, [&] {
    ByteProgress progress(concat("compare ", path), now.bytes);
    return digest_of(path, progress);
  });
}

enum class NamedAs { Nothing, File, FileInFolder };

bool matches(const std::filesystem::path& path, const std::string& pattern) {
  return path == pattern ||
         ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
}

// Returns what a file is to a path or glob.
NamedAs named_by(const std::string& pattern, const std::string& file) {
  if (matches(file, pattern)) return NamedAs::File;
  const std::filesystem::path path(file);
  for (auto at = path.parent_path(); at.has_relative_path(); at = at.parent_path())
    if (matches(at, pattern)) return NamedAs::FileInFolder;
  return NamedAs::Nothing;
}

// The same where all but the last name of the path or glob may have been another.
NamedAs named_by_name(const std::string& pattern, const std::string& file) {
  const std::filesystem::path path(file);
  const std::string name = std::filesystem::path(pattern).filename().string();
  if (matches(path.filename(), name)) return NamedAs::File;
  for (const auto& part : path.parent_path())
    if (matches(part, name)) return NamedAs::FileInFolder;
  return NamedAs::Nothing;
}

// Appends an empty path for each described file that a path or glob named behind which nothing is
// left: by the whole name, or where the text never was on this machine, by that of the file.
void add_gone(const std::vector<std::string>& described, const std::string& pattern,
              std::vector<std::string>& paths) {
  const bool is_one = !is_glob(pattern);
  const std::size_t first = paths.size();
  const auto take = [&](const auto& named) {
    while (paths.size() < described.size()) {
      const NamedAs as = named(pattern, described[paths.size()]);
      if (as == NamedAs::Nothing) break;
      paths.emplace_back();
      if (as == NamedAs::File && is_one) break;
    }
    return paths.size() > first;
  };
  if (take(named_by)) {
    log::info("the text is not there, its shards stand for it", {{"text", pattern}});
  } else if (take(named_by_name)) {
    log::warn(concat(pattern, " is not there; shards stand for it that were made from ",
                     described[first], ", a text of the same name"));
  } else {
    TextConfig missing;
    missing.patterns = {pattern};
    text_files(missing);  // throws
  }
}

// Returns the files of a text as they are now; empty for one that was described and is gone.
std::vector<std::string> files_now(const Json& files, const TextConfig& config) {
  std::vector<std::string> described, paths;
  for (const Json& file : files) described.push_back(file.at("path").get<std::string>());
  for (std::string pattern : config.patterns) {
    while (pattern.size() > 1 && pattern.ends_with('/')) pattern.pop_back();  // of a folder
    const std::vector<std::string> there = files_there(pattern);
    paths.insert(paths.end(), there.begin(), there.end());
    if (there.empty()) add_gone(described, pattern, paths);
  }
  return paths;
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

Json describe_source(const std::string& name, const TextConfig& config) {
  if (config.synthetic) return {{"synthetic", describe_synthetic(config.synthetic_config)}};
  Json files = Json::array();
  const std::vector<std::string> paths = text_files(config);
  ByteProgress progress(concat("take the digest of ", name), bytes_of(paths));
  for (const std::string& path : paths) {
    const FileState state = state_of(path, kRole);
    files.push_back(describe_file(path, state, digest_of(path, progress)));
    const std::string text_key = text_key_of(path, config);
    if (!text_key.empty()) files.back()["text_key"] = text_key;
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
  const std::vector<std::string> now = files_now(files, config);
  if (files.size() != now.size()) return concat("it was ", files.size(), " files, is ", now.size());
  for (std::size_t i = 0; i < now.size(); ++i) {
    const std::string difference = file_difference(files[i], now[i], config);
    if (!difference.empty()) return difference;
  }
  return "";
}

}  // namespace longspan
