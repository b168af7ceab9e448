#include "longspan/data/text.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "data/text_folder.h"
#include "longspan/core/files.h"
#include "support/compressed.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using testing::caught;
using testing::TemporaryFolder;

TextConfig files(std::vector<std::string> patterns) {
  TextConfig config;
  config.patterns = std::move(patterns);
  return config;
}

std::vector<std::string> lines_of(const TextConfig& config) {
  std::vector<std::string> lines;
  open_text(config)([&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

std::vector<std::string> documents_of(const TextConfig& config) {
  std::vector<std::string> documents;
  open_documents(config)([&](std::string_view document) { documents.emplace_back(document); });
  return documents;
}

std::string write(const TemporaryFolder& folder, const std::string& name, std::string_view text) {
  const std::string path = (folder.path() / name).string();
  write_file_durably(path, text);
  return path;
}

TextConfig read(const std::string& yaml) {
  const auto document =
      config::Document::from_text("data: {train: " + yaml + "}\n", "c.yaml", "/configs");
  const config::Reader root = document.root();
  const TextConfig config = read_text_config(root.section("data"), "train");
  root.section("data").finish();
  return config;
}

}  // namespace

TEST_CASE("text: lines end as in Python's text mode") {
  const TemporaryFolder folder;
  const auto lines = [&](std::string_view text) {
    return lines_of(files({write(folder, "t.txt", text)}));
  };
  using Lines = std::vector<std::string>;
  CHECK(lines("a\nb\n") == Lines{"a", "b"});
  CHECK(lines("a\nb") == Lines{"a", "b"});
  CHECK(lines("a\r\nb\rc\n") == Lines{"a", "b", "c"});
  CHECK(lines("\n\na") == Lines{"", "", "a"});
  CHECK(lines("a\r\r\nb") == Lines{"a", "", "b"});
  CHECK(lines("a\r") == Lines{"a"});
  CHECK(lines("a\r\r") == Lines{"a", ""});
  CHECK(lines("\r") == Lines{""});
  CHECK(lines("\r\n") == Lines{""});
  CHECK(lines("a\n\r\n") == Lines{"a", ""});
  CHECK(lines("v\x0B"
              "f\x0C"
              "s\x1C"
              "n\xC2\x85"
              "l\xE2\x80\xA8 end\n") == Lines{"v\x0B"
                                              "f\x0C"
                                              "s\x1C"
                                              "n\xC2\x85"
                                              "l\xE2\x80\xA8 end"});
}

TEST_CASE(
    "text: files are read in the order given, globs sorted, and each file ends its last line") {
  const TemporaryFolder folder;
  write(folder, "b.txt", "b1\nb2");
  write(folder, "a.txt", "a1");
  write(folder, "Z.txt", "z1\n");
  write(folder, "odd[1].txt", "o1");
  const std::string at = folder.path().string() + "/";
  CHECK(lines_of(files({at + "?.txt"})) == std::vector<std::string>{"z1", "a1", "b1", "b2"});
  CHECK(lines_of(files({at + "b.txt", at + "a.txt"})) ==
        std::vector<std::string>{"b1", "b2", "a1"});
  CHECK(text_files(files({at + "[ab].txt"})) ==
        std::vector<std::string>{at + "a.txt", at + "b.txt"});
  CHECK(lines_of(files({at + "odd[1].txt"})) == std::vector<std::string>{"o1"});
}

TEST_CASE("text: a file that cannot serve is refused by its path") {
  const TemporaryFolder folder;
  const auto refused = [](const std::string& path) {
    const auto error = caught([&] { open_text(files({path})); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  };
  const std::string at = folder.path().string();
  CHECK(refused(at + "/none.txt") == at + "/none.txt: must be a text file, found nothing");
  CHECK(refused(at + "/wiki.train.tokens") ==
        at + "/wiki.train.tokens: must be a text file, found nothing; scripts/download-wikitext "
             "fetches WikiText");
  CHECK(refused(at + "/wiki.*.tokens") ==
        at + "/wiki.*.tokens: a pattern must match at least one file, found none; "
             "scripts/download-wikitext fetches WikiText");
  CHECK(refused(at + "/*.txt") ==
        at + "/*.txt: a pattern must match at least one file, found none");
  CHECK(refused(at) == at + ": a folder must have at least one text file, found none");
  CHECK(refused(at + "/-") ==
        at + "/-: must be a text file, found nothing; standard input is a text of data.train, "
             "valid or test for prepare and train, and no other: write it to a file, which may be "
             "compressed");
  CHECK(refused("/dev/null") ==
        "/dev/null: must be a text file or a folder, found a pipe or a device, which can be read "
        "once; write the text to a file");
  const std::string empty = write(folder, "empty.txt", "");
  CHECK(refused(empty) == empty + ": a text file must not be empty, found 0 bytes");
  const std::string loop = at + "/loop.txt";
  std::filesystem::create_symlink(loop, loop);
  CHECK(refused(loop) ==
        loop + ": must be a readable text file, got: Too many levels of symbolic links");
}

TEST_CASE("text: a folder is its files and those of the folders in it, sorted by their paths") {
  const TemporaryFolder folder;
  const auto at = [&](const std::string& name) { return (folder.path() / name).string(); };
  for (const auto* name : {"t", "t/b", "t/b/c", "t/.git", "t/empty"})
    fs::create_directory(at(name));
  for (const auto* name : {"t/z.txt", "t/B.txt", "t/b/2.txt", "t/b/c/1.txt", "t/b-.txt", "out.txt",
                           "t/.git/HEAD", "t/b/.part.crc"})
    write(folder, name, name);
  write(folder, "t/_SUCCESS", "");
  fs::create_symlink("b/2.txt", at("t/inside.txt"));
  fs::create_symlink(at("out.txt"), at("t/outside.txt"));
  fs::create_directory_symlink("b", at("t/again"));
  fs::create_symlink("nowhere", at("t/dangling"));
  std::vector<std::string> expected;
  for (const auto* name :
       {"t/B.txt", "t/b-.txt", "t/b/2.txt", "t/b/c/1.txt", "t/inside.txt", "t/z.txt"})
    expected.push_back(at(name));
  CHECK(text_files(files({at("t")})) == expected);
  CHECK(text_files(files({at("t/")})) == expected);
  CHECK(text_files(files({at("?")})) == expected);
  CHECK(text_folders(files({at("t"), at("out.txt")})) == std::vector<std::string>{at("t")});
  CHECK(text_in_folder(at("t")).passed_over() == "2 hidden, 3 linked, 1 empty");

  write(folder, "t/b/data.txt", "PK\x03\x04");
  const auto error = caught([&] { text_files(files({at("t")})); });
  CHECK(error.text.starts_with(at("t/b/data.txt") + ": must be a text file in UTF-8, found a ZIP"));
  const auto none = caught([&] { text_files(files({at("t/.git"), at("t/empty")})); });
  CHECK(none.text == at("t/empty") + ": a folder must have at least one text file, found none");
  fs::create_directory(at("t/marks"));
  write(folder, "t/marks/_SUCCESS", "");
  CHECK(caught([&] { text_files(files({at("t/marks")})); }).text ==
        at("t/marks") +
            ": a folder must have at least one text file, found none (passed over: 1 empty)");
}

TEST_CASE("text: documents are the files, with the same line breaks whatever bytes end the lines") {
  const TemporaryFolder folder;
  int files_written = 0;
  const auto document = [&](std::string_view text) {
    return documents_of(
        files({write(folder, "d" + std::to_string(++files_written) + ".txt", text)}));
  };
  using Documents = std::vector<std::string>;
  CHECK(document("a\nb\n") == Documents{"a\nb\n"});
  CHECK(document("a\nb") == Documents{"a\nb"});
  CHECK(document("a\r\n\r\nb\r\n") == Documents{"a\n\nb\n"});
  CHECK(document("a\rb\r") == Documents{"a\nb\n"});
  CHECK(document("a\r\r\nb") == Documents{"a\n\nb"});
  CHECK(document("\n") == Documents{"\n"});
  CHECK(document("\xEF\xBB\xBF"
                 "a\n") == Documents{"a\n"});
  CHECK(document("\xEF\xBB\xBF").empty());
  const std::string at = folder.path().string() + "/";
  write(folder, "y.txt", "y\r\n");
  write(folder, "x.txt", "\xEF\xBB\xBFx");
  CHECK(documents_of(files({at + "[xy].txt", at + "x.txt"})) == Documents{"x", "y\n", "x"});
}

TEST_CASE("text: a byte order mark at a file's start is no part of the text") {
  const TemporaryFolder folder;
  const std::string one = write(folder, "one.txt", "\xEF\xBB\xBFthe\ncat\n");
  const std::string two = write(folder, "two.txt", "\xEF\xBB\xBF\xEF\xBB\xBFthe \xEF\xBB\xBF\n");
  CHECK(lines_of(files({one, two})) ==
        std::vector<std::string>{"the", "cat", "\xEF\xBB\xBFthe \xEF\xBB\xBF"});
}

TEST_CASE("text: a file that is no text is refused by what it is, before any text is read") {
  const TemporaryFolder folder;
  const auto refused = [&](std::string_view content) {
    const std::string path = write(folder, "t.txt", content);
    const auto error = caught([&] { open_text(files({path})); });
    CHECK(error.kind == ErrorKind::Data);
    const std::string begin = path + ": must be a text file in UTF-8, found ";
    CHECK(error.text.starts_with(begin));
    return error.text.substr(std::min(begin.size(), error.text.size()));
  };
  CHECK(refused("BZh91AY&SY") == "bzip2 data; decompress it with bunzip2");
  CHECK(refused("PAR1\x15\x04").starts_with("a Parquet file"));
  CHECK(refused(std::string_view("\xFF\xFEt\0h\0", 6)) ==
        "UTF-16 text; convert it with iconv -f UTF-16 -t UTF-8");
  CHECK(refused("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n") ==
        "a Git LFS pointer; fetch the file itself with git lfs pull");
}

TEST_CASE("text: a compressed file is the text in it, whatever its name") {
  const TemporaryFolder folder;
  const std::string text = "\xEF\xBB\xBFthe\r\ncat\n\n" + std::string(100, 'x') + "\rcaf\xC3\xA9";
  const TextConfig plain = files({write(folder, "plain.txt", text)});
  for (const std::string& content :
       {testing::gzip(text), testing::zstandard(text),
        testing::gzip(text.substr(0, 5)) + testing::gzip(text.substr(5))}) {
    const TextConfig compressed = files({write(folder, "any-name", content)});
    CHECK(lines_of(compressed) == lines_of(plain));
    CHECK(documents_of(compressed) == documents_of(plain));
  }
}

TEST_CASE("text: what a compressed file holds is judged as what a file holds") {
  const TemporaryFolder folder;
  const std::string path = write(folder, "t.gz", "");
  const auto refused = [&](std::string_view content) {
    write(folder, "t.gz", content);
    const auto error = caught([&] { lines_of(files({path})); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.starts_with(path));
    return error.text.substr(path.size());
  };
  CHECK(refused(testing::gzip("")) ==
        ": a text file must not be empty, found in its gzip data 0 bytes");
  CHECK(refused(testing::zstandard("PK\x03\x04")) ==
        ": must be a text file in UTF-8, found in its Zstandard data a ZIP archive; extract the "
        "file from it");
  CHECK(refused(testing::gzip(testing::gzip("a"))) ==
        ": must be a text file in UTF-8, found in its gzip data gzip data; decompress it with "
        "gunzip");
  CHECK(refused(testing::gzip("ok\ncaf\xE9 x\n")) ==
        ":2: text must be UTF-8, found byte 0xe9 at byte 6 of its text");
}

TEST_CASE("text: bytes that are not UTF-8 are refused with line and byte") {
  const TemporaryFolder folder;
  const auto refused = [&](std::string_view text) {
    const std::string path = write(folder, "t.txt", text);
    const auto error = caught([&] { lines_of(files({path})); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.starts_with(path));
    return error.text.substr(path.size());
  };
  CHECK(refused("\xFF") == ":1: text must be UTF-8, found byte 0xff at byte 0 of the file");
  CHECK(refused("ok\r\nmore\rcaf\xE9 x\n") ==
        ":3: text must be UTF-8, found byte 0xe9 at byte 12 of the file");
}

TEST_CASE("text config: a path, a list, or the synthetic corpus") {
  CHECK(read("wiki.train.tokens").patterns ==
        std::vector<std::string>{"/configs/wiki.train.tokens"});
  CHECK(read("[/a/b.txt, c.txt]").patterns ==
        std::vector<std::string>{"/a/b.txt", "/configs/c.txt"});
  const TextConfig defaults = read("{synthetic: {}}");
  CHECK(defaults.synthetic);
  CHECK(defaults.synthetic_config.seed == 1);
  CHECK(defaults.synthetic_config.num_articles == 600);
  CHECK(defaults.synthetic_config.vocab_words == 2000);
  const TextConfig given = read("{synthetic: {seed: 7, num_articles: 3, vocab_words: 150}}");
  CHECK(given.synthetic_config.seed == 7);
  CHECK(given.synthetic_config.num_articles == 3);
  CHECK(given.synthetic_config.vocab_words == 150);
}

TEST_CASE("text config: wrong values name the key") {
  const auto refused = [](const std::string& yaml) {
    const auto error = caught([&] { read(yaml); });
    CHECK(error.kind == ErrorKind::Config);
    CHECK(error.text.starts_with("c.yaml:1:"));
    return error.text;
  };
  CHECK(refused("{synthetic: {seed: -1}}").find("data.train.synthetic.seed") != std::string::npos);
  CHECK(refused("{synthetic: {num_articles: 0}}").find("data.train.synthetic.num_articles") !=
        std::string::npos);
  CHECK(refused("{synthetic: {vocab_words: 99}}").find("data.train.synthetic.vocab_words") !=
        std::string::npos);
  CHECK(refused("{synthetic: {articles: 9}}").find("data.train.synthetic.articles") !=
        std::string::npos);
  CHECK(refused("{synthetic: {}, path: x}").find("data.train.path") != std::string::npos);
  CHECK(
      refused("{path: x}")
          .ends_with(
              "data.train must be a path, a list of paths or {synthetic: {...}}, got another map"));
  CHECK(refused("[]").find("data.train") != std::string::npos);
}

}  // namespace longspan
