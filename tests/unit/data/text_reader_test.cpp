// Compressed files give the bytes that were compressed, and are refused where one is missing.
#include "data/text_reader.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/core/random.h"
#include "support/compressed.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using testing::caught;

/// A folder with one file.
struct File {
  explicit File(std::string_view content) { write_file_durably(path, content); }
  std::string read(std::size_t piece = 1000) const {
    TextReader reader(path);
    std::string text, buffer(piece, '\0');
    while (const std::size_t count = reader.read(buffer)) text += buffer.substr(0, count);
    CHECK(reader.read(buffer) == 0);
    CHECK(reader.file_bytes() == static_cast<std::int64_t>(std::filesystem::file_size(path)));
    return text;
  }
  std::string refused() const {
    const auto error = caught([&] { read(); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK_THAT(error.text, StartsWith(path + ": "));
    return error.text.substr(std::min(error.text.size(), path.size() + 2));
  }
  testing::TemporaryFolder folder;
  std::string path = (folder.path() / "t.txt").string();
};

std::string random_words(std::size_t bytes) {
  RandomStream random(3, RandomPurpose::Sampling, 0);
  std::string text;
  while (text.size() < bytes) text += "word" + std::to_string(random.below(5000)) + " ";
  return text;
}

struct Form {
  std::string name;
  std::string (*compress)(std::string_view);
};
const std::vector<Form> kForms{{"gzip", testing::gzip}, {"Zstandard", testing::zstandard}};

}  // namespace

TEST_CASE("text reader: what is not compressed is given as it stands") {
  for (const std::string text : {"", "a", "ab", "the", "text", "the cat\n",
                                 "\x1F"
                                 "a",
                                 "P*M", "\x28\xB5\x2F"}) {
    const File file(text);
    for (const std::size_t piece : {1u, 3u, 4u, 5u, 100u}) CHECK(file.read(piece) == text);
    CHECK(TextReader(file.path).compression().empty());
  }
  const std::string words = random_words(300000);
  CHECK(File(words).read() == words);
}

TEST_CASE("text reader: gzip and Zstandard files give their text, however many parts they have") {
  const auto& [name, compress] = GENERATE(from_range(kForms));
  CAPTURE(name);
  const std::string large = random_words(3000000);
  const std::vector<std::string> texts{"the cat\n", "", large, "", "x", std::string(5000000, 'a')};
  std::string compressed, whole;
  for (const std::string& text : texts) {
    const File file(compress(text));
    CHECK(file.read(70000) == text);
    CHECK(TextReader(file.path).compression() == name);
    compressed += compress(text);
    whole += text;
  }
  for (const std::size_t piece : {997u, 1u << 20}) CHECK((File(compressed).read(piece) == whole));
}

TEST_CASE("text reader: gzip may end in zeros, Zstandard may have parts to be skipped") {
  const std::string zeros(1000, '\0'), skipped("\x53\x2A\x4D\x18\x03\0\0\0abc", 11);
  const std::string gzip = testing::gzip("one\n"), frame = testing::zstandard("two\n");
  CHECK(File(gzip + zeros).read() == "one\n");
  CHECK(File(gzip + zeros + gzip).read() == "one\none\n");
  CHECK(File(skipped + frame + skipped + frame).read() == "two\ntwo\n");
  CHECK(File(gzip + "more").refused() ==
        "gzip data must be whole, found between bytes 24 and 28 of the file: something else than "
        "zeros behind its end");
  CHECK_THAT(File(frame + "more").refused(),
             StartsWith("Zstandard data must be whole, found between bytes "));
}

TEST_CASE("text reader: a compressed file that was cut anywhere is refused with the place") {
  const auto& [name, compress] = GENERATE(from_range(kForms));
  const std::string text = random_words(2000), whole = compress(text);
  for (std::size_t size = 4; size < whole.size(); ++size)
    REQUIRE(File(whole.substr(0, size)).refused() ==
            name + " data must be whole, it is cut short at byte " + std::to_string(size));
  CHECK(File(whole + whole.substr(0, 10)).refused() ==
        name + " data must be whole, it is cut short at byte " + std::to_string(whole.size() + 10));
}

TEST_CASE("text reader: a compressed file with a changed byte gives its text or is refused") {
  const auto& [name, compress] = GENERATE(from_range(kForms));
  const std::string text = random_words(2000);
  std::string content = compress(text);
  int refusals = 0;
  for (std::size_t at = 4; at < content.size(); at += 3) {
    content[at] = static_cast<char>(content[at] ^ 0x40);
    const File file(content);
    std::string read;
    const auto error = caught([&] { read = file.read(); });
    content[at] = static_cast<char>(content[at] ^ 0x40);
    if (error.text.empty()) {
      REQUIRE(read == text);  // gzip's time of change, say
      continue;
    }
    ++refusals;
    REQUIRE_THAT(error.text, StartsWith(file.path + ": " + name + " data must be whole, "));
  }
  CHECK(refusals > 100);
}

TEST_CASE("text reader: a Zstandard window that takes too much memory is refused with the remedy") {
  // Magic, no single segment, a window of 2^31 bytes.
  CHECK_THAT(File(std::string("\x28\xB5\x2F\xFD\x00\xA8\x01\0\0a", 10)).refused(),
             ContainsSubstring("a window above 128 MiB; decompress it with unzstd --long=31"));
}

}  // namespace longspan
