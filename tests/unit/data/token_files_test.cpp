// Other projects' files of ids: what is read, what is refused, and how a data folder knows them.
#include "longspan/data/token_files.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <numeric>
#include <thread>

#include "data/document_table.h"
#include "data/token_file_set.h"
#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/data/shards.h"
#include "support/temporary_folder.h"
#include "support/token_files.h"
#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using testing::append_number;
using testing::caught;
using testing::Ids;

constexpr std::array kFormats{"nanogpt", "llm.c", "megatron", "fairseq"};
constexpr std::int64_t kVocabSize = 60000;

TokenFormat format_of(std::string_view name) {
  for (const auto format :
       {TokenFormat::NanoGpt, TokenFormat::LlmC, TokenFormat::Megatron, TokenFormat::Fairseq})
    if (name_of(format) == name) return format;
  return TokenFormat::Auto;
}

Ids some_ids(std::size_t count) {
  Ids ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::int64_t>(i * i * 7919 % 50021);
  return ids;
}

Ids read(const TokenStream& stream, std::int64_t begin, std::int64_t count) {
  Ids ids(static_cast<std::size_t>(count));
  stream.copy(begin, count, ids.data());
  return ids;
}

/// A folder of files, and what opening one of them throws.
struct Files {
  Files() { log::set_level(log::Level::Error); }
  ~Files() { log::set_level(log::Level::Info); }
  std::string path(const std::string& name) const { return (folder.path() / name).string(); }
  std::string write(const std::string& name, std::string_view bytes) const {
    write_file_durably(path(name), bytes);
    return path(name);
  }
  std::string refused(const std::string& name, TokenFormat format = TokenFormat::Auto) const {
    const auto error = caught([&] { open_token_files({{path(name)}, format}, kVocabSize); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  }
  testing::TemporaryFolder folder;
};

}  // namespace

TEST_CASE("token files: every format gives its ids, and says where they lie") {
  const Files files;
  const Ids ids = some_ids(500);
  for (const std::string name : kFormats) {
    CAPTURE(name);
    const std::string path = testing::write_token_file(files.folder.path(), name, name, ids);
    const TokenFormat format = name == "nanogpt" ? TokenFormat::NanoGpt : TokenFormat::Auto;
    for (const TokenFilesConfig& config :
         {TokenFilesConfig{{path}, format}, TokenFilesConfig{{path}, format_of(name)},
          TokenFilesConfig{{files.path(name)}, format}}) {
      CHECK(count_tokens(config) == 500);
      const TokenStream stream = open_token_files(config, kVocabSize);
      REQUIRE(stream.size() == 500);
      CHECK(read(stream, 0, 500) == ids);
      CHECK(read(stream, 499, 1) == Ids{ids[499]});
      CHECK(read(stream, 500, 0).empty());
      const auto places = stream.places(100, 3);
      REQUIRE(places.size() == 1);
      CHECK(places[0].file == path);
      CHECK(places[0].offset == (name == "llm.c" ? 1024 + 200 : 200));
      CHECK(places[0].count == 3);
      CHECK(places[0].bytes_per_token == 2);
    }
  }
}

TEST_CASE("token files: every type of integers in an index is read, and llm.c's wide ids") {
  const Files files;
  for (const IdTypeRow& row : kIdTypes) {
    CAPTURE(row.name);
    const bool is_small = row.bytes == 1;
    Ids ids{0, 1, 127, is_small ? 3 : 32767};
    if (row.bytes >= 4) ids.push_back(kVocabSize - 1);
    const auto count = static_cast<std::int64_t>(ids.size());
    const int width = static_cast<int>(row.bytes);
    files.write("a.bin", testing::plain_ids(ids, width));
    files.write("a.idx", testing::index_file(row.code, width, {count - 1, 0, 1}, {0, 1, 3}));
    CHECK(read(open_token_files({{files.path("a.bin")}}, kVocabSize), 0, count) == ids);
    CHECK(describe_token_file(files.path("a.bin"), true)["dtype"] == row.name);
  }
  const Ids wide{5, 59999, 128};
  files.write("wide.bin", testing::llmc_file(wide, 4));
  CHECK(read(open_token_files({{files.path("wide.bin")}}, kVocabSize), 0, 3) == wide);
}

TEST_CASE("token files: several files, of several formats, are one stream") {
  const Files files;
  const Ids ids = some_ids(90);
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < 3; ++i)
    paths.push_back(testing::write_token_file(files.folder.path(), "part-" + std::to_string(i),
                                              i == 1 ? "fairseq" : "llm.c",
                                              std::span(ids).subspan(30 * i, 30)));
  for (const auto& patterns : {paths, std::vector{files.path("part-*.bin")}}) {
    const TokenStream stream = open_token_files({patterns}, kVocabSize);
    REQUIRE(stream.size() == 90);
    for (std::int64_t begin = 0; begin < 90; begin += 7)
      for (const std::int64_t count : {std::int64_t{0}, std::int64_t{5}, 90 - begin})
        if (begin + count <= 90)
          REQUIRE(read(stream, begin, count) ==
                  Ids(ids.begin() + begin, ids.begin() + begin + count));
    CHECK(stream.places(25, 40).size() == 3);
    CHECK(stream.places(30, 30)[0].file == paths[1]);
  }
  CHECK_THAT(files.refused("none-*.bin"), ContainsSubstring("must match at least one file"));
  CHECK_THAT(files.refused("none.bin"), ContainsSubstring("must be a file of token ids, found "
                                                          "nothing"));
  fs::create_directory(files.path("folder.bin"));
  CHECK_THAT(files.refused("folder.bin"), ContainsSubstring("found a folder"));
}

TEST_CASE("token files: what is no such file is told by what it must be") {
  const Files files;
  const Ids ids{1, 2, 3};
  files.write("plain.bin", testing::plain_ids(ids));
  CHECK_THAT(files.refused("plain.bin"),
             StartsWith(files.path("plain.bin")) && ContainsSubstring("give format: nanogpt"));
  files.write("odd.bin", testing::plain_ids(ids) + "x");
  CHECK_THAT(files.refused("odd.bin", TokenFormat::NanoGpt),
             ContainsSubstring("must have two bytes each, found a file of 7 bytes"));
  files.write("empty.bin", "");
  CHECK_THAT(files.refused("empty.bin", TokenFormat::NanoGpt),
             ContainsSubstring("must hold at least one token id, found none"));
  CHECK_THAT(files.refused("plain.bin", TokenFormat::LlmC),
             ContainsSubstring("must start with llm.c's magic number"));
  CHECK_THAT(
      files.refused("plain.bin", TokenFormat::Fairseq),
      ContainsSubstring("must have their index beside them, found no " + files.path("plain.idx")));
  const auto refused_llmc = [&](std::uint64_t magic, std::uint64_t version, std::uint64_t count) {
    std::string bytes;
    append_number(bytes, magic, 4);
    append_number(bytes, version, 4);
    append_number(bytes, count, 4);
    bytes.resize(1024, '\0');
    files.write("l.bin", bytes + testing::plain_ids(ids));
    return files.refused("l.bin");
  };
  CHECK_THAT(refused_llmc(20240520, 2, 3), ContainsSubstring("must be 1, found 2"));
  CHECK_THAT(refused_llmc(20240801, 1, 3), ContainsSubstring("must be 7, found 1"));
  CHECK_THAT(refused_llmc(20240522, 1, 3), ContainsSubstring("examples of an evaluation"));
  for (const std::uint64_t count : {2, 4})
    CHECK_THAT(refused_llmc(20240520, 1, count),
               ContainsSubstring(concat(count, " ids of 2 bytes must stand behind the header")));
  CHECK_THAT(refused_llmc(20240520, 1, 0xFFFFFFFF), ContainsSubstring("-1 ids of 2 bytes"));
  CHECK_THAT(refused_llmc(20240520, 1, 0x7FFFFFFF), ContainsSubstring("2147483647 ids"));
  files.write("l.bin", std::string("\x88\xD7\x34\x01", 4));
  CHECK_THAT(files.refused("l.bin"), ContainsSubstring("give format: nanogpt"));
}

TEST_CASE("token files: an index is held against its size and against the ids") {
  const Files files;
  const Ids ids = some_ids(10);
  files.write("a.bin", testing::plain_ids(ids));
  const auto refused = [&](const std::string& index, TokenFormat format = TokenFormat::Auto) {
    files.write("a.idx", index);
    return files.refused("a.bin", format);
  };
  const std::string megatron = testing::index_file(8, 2, {4, 6}, {0, 1, 2}),
                    fairseq = testing::index_file(8, 2, {4, 6}, {});
  const auto changed = [](std::string bytes, std::size_t at, int by) {
    bytes[at] = static_cast<char>(bytes[at] + by);
    return bytes;
  };
  CHECK_THAT(refused(megatron, TokenFormat::Fairseq),
             ContainsSubstring("must be of format fairseq, found one of megatron"));
  CHECK_THAT(refused(fairseq, TokenFormat::Megatron),
             ContainsSubstring("must be of format megatron, found one of fairseq"));
  CHECK_THAT(refused("MMIDIDX"), ContainsSubstring("which starts with 'MMIDIDX'"));
  CHECK_THAT(refused(megatron.substr(0, 20)), ContainsSubstring("26 bytes at least, found 20"));
  CHECK_THAT(refused(std::string("TNTIDX\0\0", 8) + megatron),
             ContainsSubstring("write them with --dataset-impl mmap"));
  CHECK_THAT(refused(changed(megatron, 9, 1)), ContainsSubstring("version must be 1, found 2"));
  for (const int code : {0, 6, 7, 11, 200})
    CHECK_THAT(refused(changed(megatron, 17, code - 8)),
               ContainsSubstring(concat("a type of integers, found code ", code)));
  for (const std::string& bytes :
       {megatron.substr(0, megatron.size() - 1), fairseq.substr(0, fairseq.size() - 1),
        megatron + "x", changed(fairseq, 18, 1), changed(megatron, 18, -1),
        changed(megatron, 25, 127), changed(fairseq, 25, -1), changed(megatron, 26, 1),
        changed(megatron, 33, -1), fairseq.substr(0, 26)})
    CHECK_THAT(refused(bytes), StartsWith(files.path("a.idx") + ": "));
  CHECK_THAT(refused(megatron + std::string(2, '\0')), ContainsSubstring("multimodal"));
  CHECK_THAT(refused(testing::index_file(8, 2, {4, 5}, {0, 2})),
             ContainsSubstring("must end with the ids, at 20 bytes, found 18; is it the index of "
                               "this file?"));
  CHECK_THAT(refused(testing::index_file(4, 4, {4, 6}, {0, 2})),
             ContainsSubstring("must lie in") || ContainsSubstring("found 40"));
  CHECK_THAT(refused(testing::index_file(8, 2, {4, -6}, {0, 2})), ContainsSubstring("size -6"));
  CHECK_THAT(refused(testing::index_file(8, 2, {}, {0})), ContainsSubstring("found 0"));

  // What only reading all of it finds.
  const auto damaged = [&](const std::string& index) {
    files.write("a.idx", index);
    return caught([&] { describe_token_file(files.path("a.bin"), true); }).text;
  };
  CHECK(damaged(megatron).empty());
  CHECK(damaged(fairseq).empty());
  CHECK_THAT(damaged(testing::index_file(8, 2, {4, -1, 7}, {0, 3})),
             ContainsSubstring("number 1 must begin at byte 8 and end by byte 20, found byte 8 "
                               "and -1 ids"));
  CHECK_THAT(damaged(changed(megatron, 34 + 8, 2)), ContainsSubstring("without a gap: number 0"));
  CHECK_THAT(damaged(changed(fairseq, 26, 1)), ContainsSubstring("without a gap: number 1"));
  CHECK_THAT(damaged(testing::index_file(8, 2, {4, 6}, {1, 2})),
             ContainsSubstring("must rise from 0 to 2, found 1"));
  CHECK_THAT(damaged(testing::index_file(8, 2, {4, 6}, {0, 3})), ContainsSubstring("found 3"));
  CHECK_THAT(damaged(testing::index_file(8, 2, {4, 6}, {0, 2, 1})), ContainsSubstring("found 1"));
}

TEST_CASE("token files: an id that the vocabulary lacks is named when it is first read") {
  const Files files;
  Ids ids = some_ids(100);
  ids[70] = 60000;
  for (const std::string name : kFormats) {
    CAPTURE(name);
    const std::string path = testing::write_token_file(files.folder.path(), name, name, ids);
    const TokenStream stream = open_token_files({{path}, format_of(name)}, kVocabSize);
    CHECK(read(stream, 0, 70).size() == 70);
    CHECK(read(stream, 71, 29).size() == 29);
    const auto error = caught([&] { read(stream, 65, 10); });
    CHECK(error.kind == ErrorKind::Data);
    CHECK_THAT(error.text,
               StartsWith(concat(path, ": token 70 (byte ", name == "llm.c" ? 1164 : 140,
                                 ") must be an id in 0 .. 59999 of the vocabulary, found 60000")));
  }
  files.write("minus.bin", testing::plain_ids(Ids{3, -1}, 4));
  files.write("minus.idx", testing::index_file(4, 4, {2}, {0, 1}));
  CHECK_THAT(caught([&] { read(open_token_files({{files.path("minus.bin")}}, 10), 0, 2); }).text,
             ContainsSubstring("token 1 (byte 4)") && ContainsSubstring("found -1"));
}

TEST_CASE("token files: one that shrinks or changes while it is open is an error, and no signal") {
  const Files files;
  const std::string path =
      testing::write_token_file(files.folder.path(), "a", "nanogpt", some_ids(40000));
  const TokenStream stream = open_token_files({{path}, TokenFormat::NanoGpt}, kVocabSize);
  CHECK(read(stream, 39000, 1000).size() == 1000);
  fs::resize_file(path, 4096);
  CHECK(read(stream, 0, 2000).size() == 2000);
  const auto error = caught([&] { read(stream, 39000, 1000); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK_THAT(error.text, StartsWith(path + ": a file of token ids must be readable, got: ") &&
                             ContainsSubstring("was cut short"));
  const TokenFile opened = open_token_file(path, TokenFormat::NanoGpt);
  fs::resize_file(path, 4000);
  CHECK_THAT(caught([&] { scan_token_file(opened, kVocabSize); }).text,
             ContainsSubstring("must stay as it is while it is read, had 4096 bytes, has 4000"));
}

TEST_CASE("token files: several threads read at once") {
  const Files files;
  const Ids ids = some_ids(50000);
  const std::string path = testing::write_token_file(files.folder.path(), "a", "megatron", ids);
  const TokenStream stream = open_token_files({{path}}, kVocabSize);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::int64_t begin = t * 13; begin + 700 <= 50000; begin += 997)
        if (read(stream, begin, 700) != Ids(ids.begin() + begin, ids.begin() + begin + 700))
          ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("token files: are described, in short and with all of their ids") {
  const Files files;
  const Ids ids = some_ids(100);
  for (const std::string name : kFormats) {
    CAPTURE(name);
    const std::string path = testing::write_token_file(files.folder.path(), name, name, ids);
    const Json plain = describe_token_file(path, false), whole = describe_token_file(path, true);
    CHECK(plain["kind"] == "token file");
    CHECK(plain["format"] == name);
    CHECK(plain["dtype"] == "uint16");
    CHECK(plain["tokens"] == 100);
    CHECK(plain.contains("note") == (name == "nanogpt"));
    CHECK_FALSE(plain.contains("largest_id"));
    CHECK(plain.contains("sequences") == (name == "megatron" || name == "fairseq"));
    CHECK(plain.value("sequences", 15) == 15);
    CHECK(plain.value("documents", 0) == (name == "megatron" ? 5 : 0));
    CHECK(whole["largest_id"] == std::ranges::max(ids));
  }
  files.write("notes.txt", "a text");
  CHECK_THAT(caught([&] { describe_token_file(files.path("notes.txt"), false); }).text,
             ContainsSubstring("must be a file of token ids, found neither"));
  CHECK_THAT(caught([&] { describe_token_file(files.path("megatron.idx"), false); }).text,
             ContainsSubstring("name the .bin"));
}

TEST_CASE("token files: a name on the command line says its format, or the file does") {
  const Files files;
  const Ids ids{1, 2};
  const std::string plain = testing::write_token_file(files.folder.path(), "p", "nanogpt", ids),
                    llmc = testing::write_token_file(files.folder.path(), "l", "llm.c", ids),
                    fairseq = testing::write_token_file(files.folder.path(), "f", "fairseq", ids);
  CHECK_FALSE(token_file_named(plain));
  CHECK_FALSE(token_file_named("valid"));
  CHECK(token_file_named("nanogpt:" + plain)->format == TokenFormat::NanoGpt);
  CHECK(token_file_named("nanogpt:" + plain)->patterns == std::vector{plain});
  CHECK(token_file_named(llmc)->format == TokenFormat::Auto);
  CHECK(token_file_named(fairseq)->patterns == std::vector{fairseq});
}

namespace {

/// A config over two files of ids, and its folder.
struct Prepared {
  Prepared() {
    config.train.tokens = {{write("train", some_ids(200))}};
    config.valid.tokens = {{write("valid", some_ids(50))}};
    config.tokenizer.kind = TokenizerKind::Ids;
    config.tokenizer.vocab_size = kVocabSize;
    config.shards = files.path("data");
  }
  std::string write(const std::string& name, const Ids& ids) const {
    return testing::write_token_file(files.folder.path(), name, "megatron", ids);
  }
  std::string refused() const {
    const auto error = caught([&] { prepare_data(config); });
    CHECK(error.kind == ErrorKind::Data);
    return error.text;
  }
  Files files;
  DataConfig config;
};

void set_modified(const std::string& path, int seconds_later) {
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(seconds_later));
}

}  // namespace

TEST_CASE("token files: preparing copies nothing, and the folder is opened as one of shards") {
  Prepared prepared;
  const ShardFolder made = prepare_data(prepared.config);
  CHECK(made.splits() == std::vector<std::string>{"train", "valid"});
  CHECK(read(made.stream("train"), 0, 200) == some_ids(200));
  CHECK(made.counts("train").bytes == 0);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(prepared.files.path("data")))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"manifest.json", "tokenizer", "train.documents",
                                          "valid.documents"});
  const ShardFolder opened = ShardFolder::open(prepared.config.shards);
  opened.verify();
  CHECK(opened.fingerprint() == made.fingerprint());
  CHECK(opened.origin() == made.origin());
  CHECK(read(opened.stream("valid"), 10, 40) == read(made.stream("valid"), 10, 40));
  CHECK(prepare_data(prepared.config).fingerprint() == made.fingerprint());
}

TEST_CASE("token files: changed ones are refused by file and difference, touched ones are read") {
  Prepared prepared;
  const std::string before = prepare_data(prepared.config).fingerprint();
  const std::string train = prepared.files.path("train.bin"),
                    index = prepared.files.path("train.idx");
  set_modified(train, 10);
  set_modified(index, 10);
  CHECK(prepare_data(prepared.config).fingerprint() == before);
  Ids other = some_ids(200);
  ++other[100];
  prepared.write("train", other);
  set_modified(train, 20);
  CHECK_THAT(prepared.refused(), StartsWith(train) && ContainsSubstring("the content of " + train +
                                                                        " differs from what "));
  prepared.write("train", some_ids(201));
  CHECK_THAT(prepared.refused(),
             ContainsSubstring(train + " had 400 bytes, " + train + " has 402"));
  fs::remove(train);
  CHECK_THAT(prepared.refused(),
             StartsWith(train + ": must be a readable file of token ids, got: No such file"));
  prepared.write("train", some_ids(200));
  CHECK(prepare_data(prepared.config).fingerprint() == before);
  const Json was = ShardFolder::open(prepared.config.shards).origin();

  fs::remove_all(prepared.config.shards);
  prepared.write("train", other);
  CHECK(prepare_data(prepared.config).fingerprint() != before);
  const Json now = ShardFolder::open(prepared.config.shards).origin();
  CHECK(origin_difference(was, now, "data.json") ==
        concat("data.train: the content of ", train, " differs from what ", train, " had"));
  CHECK(origin_difference(now, now, "data.json").empty());
}

TEST_CASE("token files: documents are those of Megatron's index, and not known without one") {
  Prepared prepared;
  prepared.config.train.tokens->patterns.push_back(prepared.write("more", some_ids(30)));
  const ShardFolder shards = prepare_data(prepared.config);
  const auto documents = shards.documents("train");
  Ids begins;
  for (std::int64_t i = 0; i < documents->count(); ++i) begins.push_back(documents->begin(i));
  CHECK(begins == Ids{0, 21, 42, 63, 84, 105, 126, 147, 168, 189, 200, 221});
  prepared.config.train.tokens = {
      {testing::write_token_file(prepared.files.folder.path(), "plain", "fairseq", some_ids(50))}};
  prepared.config.shards = prepared.files.path("plain-data");
  const ShardFolder plain = prepare_data(prepared.config);
  const auto error = caught([&] { (void)plain.documents("train"); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK_THAT(error.text, ContainsSubstring("must be known for data.document_bounds"));
}

TEST_CASE("token files: a folder that was made from something else is refused") {
  Prepared prepared;
  const std::string before = prepare_data(prepared.config).fingerprint();
  const std::string moved = prepared.write("moved", some_ids(200));
  const DataConfig config = prepared.config;
  prepared.config.train.tokens = {{moved}};  // the same content
  CHECK(prepare_data(prepared.config).fingerprint() == before);
  prepared.config.train.tokens = {{moved, moved}};
  CHECK_THAT(prepared.refused(), ContainsSubstring("data.train: it had no file " + moved));
  prepared.config.train.tokens = {{prepared.files.path("valid.bin")}};
  CHECK_THAT(
      prepared.refused(),
      ContainsSubstring("data.train: " + prepared.files.path("train.bin") + " had 400 bytes"));
  prepared.config.train.tokens.reset();
  prepared.config.train.synthetic = true;
  CHECK_THAT(prepared.refused(), ContainsSubstring("data.train: it was token ids, is a text"));
  prepared.config = config;
  prepared.config.tokenizer.vocab_size = 60001;
  CHECK_THAT(prepared.refused(),
             ContainsSubstring("data.tokenizer.vocab_size was 60000, is 60001"));
  fs::remove_all(config.shards);
  prepared.config.tokenizer.vocab_size = 40000;
  CHECK_THAT(prepared.refused(), StartsWith(prepared.files.path("train.bin") + ": token "));
  CHECK_FALSE(fs::exists(config.shards));
}

TEST_CASE(
    "token files: text and ids stand side by side, and other vocabularies are not asked for") {
  Prepared prepared;
  prepared.files.write("dict.txt", "the 5\ncat 3\nsat 2\nmat 1\n");
  prepared.files.write("valid.txt", "the cat\n");
  prepared.config.tokenizer = {};
  prepared.config.tokenizer.dictionary = prepared.files.path("dict.txt");
  prepared.config.train.tokens = {{prepared.write("words", {4, 5, 2, 4, 7, 2})}};
  prepared.config.valid = {};
  prepared.config.valid.patterns = {prepared.files.path("valid.txt")};
  const ShardFolder shards = prepare_data(prepared.config);
  CHECK(shards.tokenizer().decode(std::vector<std::int32_t>{4, 5, 2}) == "the cat\n");
  CHECK(read(shards.stream("train"), 0, 6) == Ids{4, 5, 2, 4, 7, 2});
  CHECK(read(shards.stream("valid"), 0, 3) == Ids{4, 5, 2});
  CHECK(shards.counts("valid").words == 2);
}

}  // namespace longspan
