// Text files as lines and documents. Checks come with the reading, so a text is only passed once.
#include "longspan/data/text.h"

#include <glob.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <utility>

#include "data/lines.h"
#include "data/text_blocks.h"
#include "longspan/core/error.h"
#include "longspan/core/file_content.h"
#include "longspan/core/files.h"

namespace longspan {
namespace fs = std::filesystem;
namespace {

// WikiText's own file names get the hint where to have them from.
std::string remedy_for_missing(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  const bool wikitext = name.starts_with("wiki.") && name.ends_with(".tokens");
  return wikitext ? "; scripts/download-wikitext fetches WikiText" : "";
}

std::vector<std::string> expand_glob(const std::string& pattern) {
  glob_t found{};
  const int result = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths(found.gl_pathv,
                                 found.gl_pathv + (result == 0 ? found.gl_pathc : 0));
  ::globfree(&found);
  std::ranges::sort(paths);  // by bytes, whatever the locale
  return paths;
}

std::vector<std::string> files_of(const std::string& pattern) {
  if (!is_glob(pattern)) return {pattern};
  std::vector<std::string> paths = expand_glob(pattern);
  check(!paths.empty(), ErrorKind::Data, pattern,
        ": a pattern must match at least one file, found none", remedy_for_missing(pattern));
  return paths;
}

std::string beginning_of(const std::string& path) {
  return reading_text(path, [&] {
    std::string beginning(kBeginningBytes, '\0');
    beginning.resize(FileReader(path).read(beginning));
    return beginning;
  });
}

void check_file(const std::string& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  check(status.type() != fs::file_type::not_found, ErrorKind::Data, path,
        ": must be a text file, found nothing", remedy_for_missing(path));
  check(!fs::is_directory(status), ErrorKind::Data, path, ": must be a text file, found a folder");
  const std::uintmax_t size = fs::file_size(path, failure);
  check(!failure, ErrorKind::Data, path,
        ": must be a readable text file, got: ", failure.message());
  check(size > 0, ErrorKind::Data, path, ": a text file must not be empty, found 0 bytes");
  const std::string_view content = recognized_data(beginning_of(path));
  check(content.empty(), ErrorKind::Data, path, ": must be a text file in UTF-8, found ", content);
}

// Calls take with each line of the files, checked to be UTF-8. @return whether the last one has a
// line break
template <class Take>
bool read_lines(const std::vector<std::string>& files, const Take& take) {
  TextBlocks blocks(files);
  std::int64_t lines = 0;  // of the file so far
  bool ends_in_break = false;
  for (std::size_t file = 0; const std::optional<TextBlock> block = blocks.next();) {
    if (block->file != file) lines = 0;
    file = block->file;
    check_utf8(*block, lines);
    for_each_line(block->text, [&](std::string_view line) {
      ++lines;
      take(line);
    });
    ends_in_break = block->text.ends_with('\n') || block->text.ends_with('\r');
  }
  return ends_in_break;
}

SyntheticConfig read_synthetic_config(const config::Reader& reader) {
  SyntheticConfig config;
  config.seed = reader.integer("seed", {.low = 0}, config.seed);
  config.num_articles =
      reader.integer("num_articles", {.low = 1, .high = 1000000000}, config.num_articles);
  config.vocab_words =
      reader.integer("vocab_words", {.low = 100, .high = 1000000}, config.vocab_words);
  reader.finish();
  return config;
}

}  // namespace

TextConfig read_text_config(const config::Reader& reader, std::string_view key) {
  TextConfig config;
  config.synthetic = reader.shape(key) == "map";
  if (config.synthetic) {
    const config::Reader section = reader.section(key);
    check(section.has("synthetic"), ErrorKind::Config, reader.place(key),
          " must be a path, a list of paths or {synthetic: {...}}, got another map");
    config.synthetic_config = read_synthetic_config(section.section("synthetic"));
    section.finish();
    return config;
  }
  config.patterns = reader.paths(key);
  check(!config.patterns.empty(), ErrorKind::Config, reader.place(key),
        " must name at least one file, got none");
  return config;
}

bool is_glob(const std::string& pattern) {
  std::error_code ignored;
  return pattern.find_first_of("*?[") != std::string::npos && !fs::exists(pattern, ignored);
}

std::vector<std::string> files_there(const std::string& pattern) {
  if (is_glob(pattern)) return expand_glob(pattern);
  std::error_code ignored;
  return fs::exists(pattern, ignored) ? std::vector{pattern} : std::vector<std::string>();
}

std::vector<std::string> text_files(const TextConfig& config) {
  std::vector<std::string> files;
  for (const std::string& pattern : config.patterns) {
    const std::vector<std::string> found = files_of(pattern);
    files.insert(files.end(), found.begin(), found.end());
  }
  for (const std::string& file : files) check_file(file);
  return files;
}

LineSource open_text(const TextConfig& config) {
  if (config.synthetic) {
    return
        [synthetic = config.synthetic_config](const std::function<void(std::string_view)>& emit) {
          write_synthetic_text(synthetic, emit);
        };
  }
  return [files = text_files(config)](const std::function<void(std::string_view)>& emit) {
    read_lines(files, emit);
  };
}

LineSource open_documents(const TextConfig& config) {
  if (config.synthetic) {
    return [lines = open_text(config)](const std::function<void(std::string_view)>& emit) {
      std::string document;
      lines([&](std::string_view line) { document.append(line) += '\n'; });
      emit(document);
    };
  }
  return [files = text_files(config)](const std::function<void(std::string_view)>& emit) {
    for (const std::string& file : files) {
      std::string document;
      const bool ends_in_break =
          read_lines({file}, [&](std::string_view line) { document.append(line) += '\n'; });
      if (document.empty()) continue;  // a byte order mark alone
      if (!ends_in_break) document.pop_back();
      emit(document);
    }
  };
}

}  // namespace longspan
