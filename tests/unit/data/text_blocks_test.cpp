#include "data/text_blocks.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "data/lines.h"
#include "longspan/core/files.h"
#include "longspan/core/random.h"
#include "support/compressed.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::caught;
using Lines = std::vector<std::string>;

Lines lines_of(std::string_view text) {
  Lines lines;
  for_each_line(text, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

/// A folder with one file.
struct File {
  explicit File(std::string_view text) { write_file_durably(path, text); }
  std::vector<TextBlock> blocks(std::size_t block_bytes) const {
    std::vector<TextBlock> all;
    TextBlocks blocks({{path}}, {block_bytes});
    while (auto block = blocks.next()) all.push_back(std::move(*block));
    return all;
  }
  testing::TemporaryFolder folder;
  std::string path = (folder.path() / "t.txt").string();
};

TEST_CASE("text blocks: whatever their size, they have the lines and places of the file") {
  RandomStream random(2, RandomPurpose::Sampling, 0);
  for (int round = 0; round < 40; ++round) {
    std::string text;
    for (std::uint64_t pieces = random.below(40); pieces > 0; --pieces)
      text += std::vector<std::string>{"\n", "\r\n", "\r", "word ", "a", "\n\r"}[random.below(6)];
    const File file(text);
    for (const std::size_t bytes : {1u, 2u, 3u, 7u, 64u, 1000u}) {
      Lines lines;
      std::string whole;
      for (const TextBlock& block : file.blocks(bytes)) {
        CHECK(block.place == static_cast<std::int64_t>(whole.size()));
        whole += block.text;
        for (std::string& line : lines_of(block.text)) lines.push_back(std::move(line));
      }
      CHECK(whole == text);
      CHECK(lines == lines_of(text));
    }
  }
}

TEST_CASE("text blocks: a line that is longer than a block comes whole") {
  const std::string line(100000, 'x');
  const File file("a\n" + line + "\nb\n" + line);
  Lines lines;
  std::size_t largest = 0;
  for (const TextBlock& block : file.blocks(64)) {
    largest = std::max(largest, block.text.size());
    for (std::string& read : lines_of(block.text)) lines.push_back(std::move(read));
  }
  CHECK(lines == Lines{"a", line, "b", line});
  CHECK(largest < 2 * line.size());
}

TEST_CASE("text blocks: a line that some bytes stand for takes no more memory than it may") {
  const File file(testing::gzip("a\n" + std::string(100000, 'x') + "\nb\n"));
  const auto error = caught([&] {
    TextBlocks blocks({{file.path}}, {64, 20000});
    while (blocks.next())
      ;
  });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text ==
        file.path +
            ": a line of gzip data must have fewer than 20000 bytes, the one at byte 2 of "
            "its text has more; decompress the file");
  TextBlocks enough({{file.path}}, {64, 200000});
  std::int64_t bytes = 0;
  while (const auto block = enough.next()) bytes += block->bytes;
  CHECK(bytes == 100005);
}

TEST_CASE("text blocks: bytes that are not UTF-8 are named by line and place in the file") {
  const File file(
      "\xEF\xBB\xBF"
      "one\ntwo\rbad \xFF\nend\n");
  std::vector<std::string> errors;
  for (const std::size_t bytes : {1u, 4u, 1000u}) {
    std::int64_t lines = 0;
    for (const TextBlock& block : file.blocks(bytes)) {
      const auto error = caught([&] { check_utf8(block, lines); });
      if (!error.text.empty()) errors.push_back(error.text);
      lines += static_cast<std::int64_t>(lines_of(block.text).size());
    }
  }
  CHECK(errors ==
        Lines(3, file.path + ":3: text must be UTF-8, found byte 0xff at byte 15 of the file"));
}

}  // namespace
}  // namespace longspan
