// Text files as lines, read through a memory map. Checks come with the reading, so a text is only
// passed once.
#include "longspan/data/text.h"

#include <glob.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/file_content.h"
#include "longspan/core/files.h"
#include "longspan/core/utf8.h"

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

MappedFile map_text(const std::string& path) {
  try {
    return MappedFile(path);
  } catch (const Error& cause) {
    std::throw_with_nested(Error(
        ErrorKind::Data, concat(path, ": must be a readable text file, got: ", cause.what())));
  }
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
  const std::string_view content = recognized_data(map_text(path).text());
  check(content.empty(), ErrorKind::Data, path, ": must be a text file in UTF-8, found ", content);
}

/// Gives the lines of one file to a function, each checked to be UTF-8.
class LineReader {
 public:
  LineReader(const std::string& path, const std::function<void(std::string_view)>& emit)
      : path_(path), emit_(emit), file_(map_text(path)) {}

  void run() {
    std::string_view rest = file_.text();
    if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
    while (!rest.empty()) {
      const std::size_t newline = std::min(rest.find('\n'), rest.size());
      read_segment(rest.substr(0, newline));
      rest.remove_prefix(std::min(newline + 1, rest.size()));
    }
  }
  bool ends_in_break() const {
    return file_.text().ends_with('\n') || file_.text().ends_with('\r');
  }

 private:
  // A segment ends at \n or at the end of the file. A \r before that belongs to the line break, or
  // is the last one.
  void read_segment(std::string_view segment) {
    if (segment.ends_with('\r')) segment.remove_suffix(1);
    for (;;) {
      const std::size_t lone_return = segment.find('\r');
      read_line(segment.substr(0, lone_return));
      if (lone_return == std::string_view::npos) return;
      segment.remove_prefix(lone_return + 1);
    }
  }

  void read_line(std::string_view line) {
    ++number_;
    const std::size_t invalid = find_invalid_utf8(line);
    if (invalid != std::string_view::npos) refuse(line, invalid);
    emit_(line);
  }

  [[noreturn]] void refuse(std::string_view line, std::size_t invalid) const {
    const std::ptrdiff_t offset =
        line.data() - file_.text().data() + static_cast<std::ptrdiff_t>(invalid);
    throw Error(ErrorKind::Data,
                concat(path_, ":", number_, ": text must be UTF-8, found ",
                       byte_in_hex(line[invalid]), " at byte ", offset, " of the file"));
  }

  const std::string& path_;
  const std::function<void(std::string_view)>& emit_;
  MappedFile file_;
  std::int64_t number_ = 0;
};

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
    for (const std::string& file : files) LineReader(file, emit).run();
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
      const std::function<void(std::string_view)> add = [&](std::string_view line) {
        document.append(line) += '\n';
      };
      LineReader reader(file, add);
      reader.run();
      if (document.empty()) continue;  // a byte order mark alone
      if (!reader.ends_in_break()) document.pop_back();
      emit(document);
    }
  };
}

}  // namespace longspan
