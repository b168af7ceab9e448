// Documents are encoded in their order, whatever the number of threads.
#include "data/document_encoding.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/files.h"
#include "longspan/core/json.h"
#include "support/temporary_folder.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr std::int32_t kStart = 256;

/// The bytes of a document; a byte 0xC3 counts as unknown.
class DocumentBytes final : public Tokenizer {
 public:
  std::string kind() const override { return "bytes of documents"; }
  std::int64_t vocab_size() const override { return kStart + 1; }
  std::int64_t encode_line(std::string_view document, Ids& ids) const override {
    std::int64_t unknown = 0;
    for (const char c : document) {
      ids.push_back(static_cast<unsigned char>(c));
      unknown += c == '\xC3' ? 1 : 0;
    }
    return unknown;
  }
  bool reads_documents() const override { return true; }
  std::string decode(std::span<const std::int32_t>) const override { return {}; }
  std::int32_t start_id() const override { return kStart; }
  bool ends_line(std::int32_t) const override { return false; }
  void save(const std::filesystem::path&) const override {}
  std::string fingerprint() const override { return "bytes of documents"; }
};

/// A folder of files.
struct Folder {
  std::string write(const std::string& name, std::string_view text) const {
    const std::string path = (folder.path() / name).string();
    write_file_durably(path, text);
    return path;
  }
  testing::TemporaryFolder folder;
};

std::pair<Ids, TextCounts> encoded(const std::vector<std::string>& paths, int num_threads) {
  Ids ids;
  const TextCounts counts = encode_documents(
      DocumentBlocks({paths}), DocumentBytes(), num_threads,
      [&](const EncodedIds& part) { ids.insert(ids.end(), part.ids.begin(), part.ids.end()); });
  return {ids, counts};
}

}  // namespace

TEST_CASE("documents: ids, starts and counts do not depend on the threads") {
  const Folder folder;
  std::string records;
  std::vector<std::string> documents;
  const auto add_record = [&](const std::string& text) {
    records += Json({{"text", text}}).dump() + "\n";
    if (!text.empty()) documents.push_back(text);
  };
  const std::string large = "large\n" + std::string((std::size_t{1} << 24) + 1, 'l');
  documents = {"one\ntwo", large};
  add_record("");
  for (int i = 0; i < 30; ++i)
    add_record("record " + std::to_string(i) + "\n" + std::string(70000, 'r') + "\n\xC3\xA9");
  documents.push_back("last\n");
  const std::vector<std::string> paths{
      folder.write("mark.txt", "\xEF\xBB\xBF"), folder.write("a.txt", "one\r\ntwo"),
      folder.write("large.txt", large), folder.write("b.jsonl", records),
      folder.write("c.txt", "last\n")};
  Ids expected;
  TextCounts all;
  for (const std::string& document : documents) {
    if (!expected.empty()) expected.push_back(kStart);
    all.unknown += DocumentBytes().encode_line(document, expected);
    all.bytes += static_cast<std::int64_t>(document.size());
  }
  for (const int threads : {1, 2, 5}) {
    const auto [ids, counts] = encoded(paths, threads);
    CHECK((ids == expected));
    CHECK(counts.lines == 2 + 2 + 3 * 30 + 1);
    CHECK(counts.words == 2 + 2 + 4 * 30 + 1);
    CHECK(counts.bytes == all.bytes + 1);  // of a \r
    CHECK(counts.unknown == 30);
  }
}

TEST_CASE("documents: the first that cannot be read is the error") {
  const Folder folder;
  std::string records;
  for (int i = 0; i < 40; ++i) records += Json({{"text", std::string(60000, 'x')}}).dump() + "\n";
  const std::vector<std::string> paths{folder.write("a.txt", "good"),
                                       folder.write("b.jsonl", records + "{}\n" + records + "[]\n"),
                                       folder.write("c.txt", "bad \xFF")};
  for (const int threads : {1, 4}) {
    const auto error = testing::caught([&] { encoded(paths, threads); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK(error.text.starts_with(paths[1] + ":41: an object must have one text"));
    CHECK(testing::caught([&] {
            encoded({paths[0], paths[2]}, threads);
          }).text == paths[2] + ":1: text must be UTF-8, found byte 0xff at byte 4 of the file");
  }
}

}  // namespace longspan
