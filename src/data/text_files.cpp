// The files that a text is of, and what each must be before any of it is read.
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "data/text_folder.h"
#include "data/text_reader.h"
#include "longspan/core/error.h"
#include "longspan/core/file_content.h"
#include "longspan/data/text.h"

namespace longspan {
namespace fs = std::filesystem;
namespace {

// WikiText's own file names get the hint where to have them from.
std::string remedy_for_missing(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  if (name == "-")
    return "; standard input is a text of data.train, valid or test for prepare and train, and no "
           "other: write it to a file, which may be compressed";
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

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::vector<std::string> files_in(const std::string& folder) {
  FolderText text = text_in_folder(folder);
  const std::string passed_over = text.passed_over();
  check(!text.files.empty(), ErrorKind::Data, folder,
        ": a folder must have at least one text file, found none",
        passed_over.empty() ? "" : concat(" (passed over: ", passed_over, ")"));
  return std::move(text.files);
}

// Returns what a pattern names, folders among it.
std::vector<std::string> paths_of(const std::string& pattern) {
  if (!is_glob(pattern)) return {pattern};
  std::vector<std::string> paths = expand_glob(pattern);
  check(!paths.empty(), ErrorKind::Data, pattern,
        ": a pattern must match at least one file, found none", remedy_for_missing(pattern));
  return paths;
}

// What a file is, is told by its text: in gzip data may be an archive, or a text in UTF-16.
void check_content(const std::string& path) {
  TextReader reader(path);
  std::string beginning(kBeginningBytes, '\0');
  beginning.resize(reader.read(beginning));
  const bool compressed = !reader.compression().empty();
  const std::string found =
      compressed ? concat("found in its ", reader.compression(), " data ") : "found ";
  check(!beginning.empty(), ErrorKind::Data, path, ": a text file must not be empty, ", found,
        "0 bytes");
  const std::string_view content = recognized_data(beginning);
  check(content.empty(), ErrorKind::Data, path, ": must be a text file in UTF-8, ", found, content);
}

void check_text_file(const std::string& path) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  check(status.type() != fs::file_type::not_found, ErrorKind::Data, path,
        ": must be a text file, found nothing", remedy_for_missing(path));
  check(!failure, ErrorKind::Data, path,
        ": must be a readable text file, got: ", failure.message());
  check(
      fs::is_regular_file(status), ErrorKind::Data, path,
      ": must be a text file or a folder, found a pipe or a device, which can be read once; write "
      "the text to a file");
  check_content(path);
}

}  // namespace

bool is_glob(const std::string& pattern) {
  std::error_code ignored;
  return pattern.find_first_of("*?[") != std::string::npos && !fs::exists(pattern, ignored);
}

std::vector<std::string> files_there(const std::string& pattern) {
  std::error_code ignored;
  std::vector<std::string> files;
  for (const std::string& path : is_glob(pattern) ? expand_glob(pattern) : std::vector{pattern}) {
    if (is_folder(path))
      std::ranges::move(text_in_folder(path).files, std::back_inserter(files));
    else if (fs::exists(path, ignored))
      files.push_back(path);
  }
  return files;
}

std::vector<std::string> text_folders(const TextConfig& config) {
  std::vector<std::string> folders;
  for (const std::string& pattern : config.patterns)
    std::ranges::copy_if(paths_of(pattern), std::back_inserter(folders), is_folder);
  return folders;
}

std::vector<std::string> text_files(const TextConfig& config) {
  std::vector<std::string> files;
  for (const std::string& pattern : config.patterns)
    for (const std::string& path : paths_of(pattern))
      if (is_folder(path))
        std::ranges::move(files_in(path), std::back_inserter(files));
      else
        files.push_back(path);
  for (const std::string& file : files) check_text_file(file);
  return files;
}

}  // namespace longspan
