#include "longspan/core/file_content.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace longspan {

TEST_CASE("file content: data that is no text is named with its remedy") {
  const auto named = [](std::string_view beginning, std::string_view words) {
    CAPTURE(words);
    CHECK(recognized_data(beginning).starts_with(words));
  };
  named("\x1F\x8B\x08", "gzip");
  named("\x28\xB5\x2F\xFD\x04", "Zstandard");
  named("BZh91AY&SY", "bzip2");
  named(std::string_view("\xFD"
                         "7zXZ\0",
                         6),
        "xz");
  named("PK\x03\x04", "a ZIP archive");
  named("PAR1\x15\x04", "a Parquet file");
  named("ARROW1", "an Arrow file");
  named("%PDF-1.4", "a PDF");
  named("\x80\x02}", "a Python pickle");
  named(std::string_view("\xFF\xFE\0\0t\0\0\0", 8), "UTF-32");
  named("\xFF\xFEt", "UTF-16");
  named("\xFE\xFF", "UTF-16");
  named(std::string_view("t\0h\0e\0 \0\x93\x03\n\0", 12), "UTF-16");
  named(std::string_view("\0t\0h\0e\0 \0c\0\n", 12), "UTF-16");
  named("version https://git-lfs.github.com/spec/v1\noid sha256:", "a Git LFS pointer");
  std::string tar(512, '\0');
  tar.replace(0, 5, "a.txt").replace(257, 5, "ustar");
  named(tar, "a tar archive");
}

TEST_CASE("file content: what may be text is no data") {
  for (const std::string_view text :
       {"", "a", "the cat\n", "BZhang", "PK", "PAR1 is a word", "version 1\n", "{\"a\": 1}",
        "<html>", "\xEF\xBB\xBFthe", "caf\xC3\xA9", "%PDF"})
    CHECK(recognized_data(text).empty());
  CHECK(recognized_data(std::string_view("a\0b c d e f g h", 15)).empty());
  CHECK(recognized_data(std::string_view("\0\0\0\0\0\0\0\0\0", 9)).empty());
}

TEST_CASE("file content: JSON and HTML are known where neither is wanted") {
  CHECK(recognized_markup("{\n  \"version\": \"1.0\"").starts_with("JSON"));
  CHECK(recognized_markup("[1, 2]").starts_with("JSON"));
  CHECK(recognized_markup("\n<!DOCTYPE html>\n").starts_with("an HTML page"));
  CHECK(recognized_markup("<HTML><head>").starts_with("an HTML page"));
  for (const std::string_view text : {"", "the 9\n", "<s> 9\n", "<!> 3\n"})
    CHECK(recognized_markup(text).empty());
}

}  // namespace longspan
