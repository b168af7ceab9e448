// Standard input as a text.
#include "data/standard_input.h"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "data/mixture.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"

namespace longspan {
namespace fs = std::filesystem;
namespace {

// A path of the config begins with the folder of its file.
bool is_standard_input(const SourceConfig& source) {
  std::error_code ignored;
  return !source.tokens && source.patterns.size() == 1 &&
         fs::path(source.patterns.front()).filename() == "-" &&
         !fs::exists(source.patterns.front(), ignored);
}

fs::path kept_input(const fs::path& shards, const std::string& split) {
  return concat(shards.string(), '.', split, ".txt");
}

// Calls visit(split, source) with each text of a config.
template <class Config, class Visit>
void for_each_source(Config& config, const Visit& visit) {
  if (config.mixture.empty()) visit("train", config.train);
  for (auto& corpus : config.mixture) visit(split_of(corpus), corpus.source);
  visit("valid", config.valid);
  if (config.test) visit("test", *config.test);
}

std::size_t read_some(std::vector<std::byte>& buffer) {
  for (;;) {
    const ::ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    check(errno == EINTR, ErrorKind::Data,
          "standard input must be readable, got: ", std::generic_category().message(errno));
  }
}

/// A file that is removed unless it was renamed.
struct PartialFile {
  explicit PartialFile(fs::path of) : path(std::move(of)) {}
  ~PartialFile() {
    std::error_code ignored;
    fs::remove(path, ignored);
  }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  const fs::path path;
};

void keep(const fs::path& path, const std::string& split) {
  check(::isatty(STDIN_FILENO) == 0, ErrorKind::Config, "data.", split,
        " is '-', standard input, which must be a pipe or a file, got a terminal; name a file");
  const PartialFile part(concat(path.string(), ".part"));
  FileWriter writer(part.path);
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  std::size_t bytes = 0;
  while (const std::size_t count = read_some(buffer)) {
    writer.write(std::span(buffer).first(count));
    bytes += count;
  }
  check(bytes > 0, ErrorKind::Data, "data.", split,
        " is '-', standard input, which must not be empty, found 0 bytes");
  writer.close_durably();
  fs::rename(part.path, path);
  sync_folder(path.parent_path());
  log::info("standard input is kept, to be read again",
            {{"split", split}, {"file", path.string()}, {"bytes", bytes}});
}

}  // namespace

DataConfig with_kept_input(DataConfig config, const fs::path& shards) {
  for_each_source(config, [&](const std::string& split, SourceConfig& source) {
    if (is_standard_input(source)) source.patterns = {kept_input(shards, split).string()};
  });
  return config;
}

void keep_standard_input(const DataConfig& config, const fs::path& shards) {
  std::vector<std::string> splits;
  for_each_source(config, [&](const std::string& split, const SourceConfig& source) {
    if (is_standard_input(source)) splits.push_back(split);
  });
  check(splits.size() <= 1, ErrorKind::Config,
        "standard input must be the text of one split, it is that of ", splits.size(),
        "; name files for the others");
  if (!splits.empty()) keep(kept_input(fs::absolute(shards), splits.front()), splits.front());
}

}  // namespace longspan
