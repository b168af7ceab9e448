#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/config/reader.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// What the synthetic corpus is made from; a function of these numbers alone.
struct SyntheticConfig {
  std::int64_t seed = 1;
  std::int64_t num_articles = 600;
  std::int64_t vocab_words = 2000;
};

/// Where the text of a split comes from: files, or the synthetic corpus. Synthetic splits with
/// different seeds share the language (vocabulary and grammar) and differ in the articles.
struct TextConfig {
  std::vector<std::string> patterns;  ///< files, folders or globs; empty for synthetic text
  std::string text_key = "text";      ///< of the records of JSON lines
  bool synthetic = false;
  SyntheticConfig synthetic_config;
};

/// Reads `key` of the data section: a file, a folder, a glob, a list of these, or {synthetic:
/// {...}}.
TextConfig read_text_config(const config::Reader& reader, std::string_view key);

/// Counts of a raw text. Words are separated by whitespace; bytes are UTF-8, line breaks included.
struct TextCounts {
  std::int64_t lines = 0;
  std::int64_t words = 0;
  std::int64_t bytes = 0;
  std::int64_t unknown = 0;  ///< tokens that stand for what the tokenizer does not know
};

/// Returns whether a pattern is a glob: it has such characters and is no file's name.
bool is_glob(const std::string& pattern);
/// Returns the files that a path or glob names now, sorted, those of folders among them; none when
/// nothing is there or can be looked at.
std::vector<std::string> files_there(const std::string& pattern);
/// Returns the folders that a text names. @throws Error(Data) when a glob matches nothing
std::vector<std::string> text_folders(const TextConfig& config);
/// Returns the files of a text in order: globs sorted, and all files of a folder and of those in
/// it, sorted by their paths. Hidden ones, empty ones and symbolic links that lead out of the
/// folder are no part of a folder's text. @throws Error(Data) when there are none
std::vector<std::string> text_files(const TextConfig& config);
/// Returns the lines of a text. Line breaks are \n, \r\n and a lone \r (arXiv:2108.12409's
/// preprocessing reads in Python's text mode); a byte order mark at a file's start is left out. Of
/// a file of JSON lines (.jsonl, .ndjson, .json) each record is as a file of its own.
/// @throws Error(Data) for a file that is missing, empty, unreadable or not UTF-8, with path, line
/// and byte
LineSource open_text(const TextConfig& config);
/// Returns the documents of a text, each whole, with \n for each of its line breaks: the files, the
/// records of JSON lines, or the synthetic corpus as one. @throws as open_text()
LineSource open_documents(const TextConfig& config);

/// Calls emit with each line of the synthetic corpus.
void write_synthetic_text(const SyntheticConfig& config,
                          const std::function<void(std::string_view)>& emit);

}  // namespace longspan
