#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>

#include "longspan/config/reader.h"
#include "longspan/core/files.h"
#include "support/temporary_folder.h"
#include "unit/config/reading.h"

namespace longspan::config {
namespace {

namespace fs = std::filesystem;
using longspan::testing::error_of;
using longspan::testing::TemporaryFolder;
using testing::document_of;
using testing::refusal_of;
using Texts = std::vector<std::string>;

TEST_CASE("a file is read under the name that was given") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "c.yaml";
  write_file_durably(path, "seed: x\n");
  const Document document = Document::from_file(path, {"extra=1"});
  CHECK(document.root().integer("extra", {}) == 1);
  CHECK(refusal_of([&] { document.root().integer("seed", {}); }) ==
        path.string() + ":1:7: seed must be a decimal integer, got x");
  CHECK(document.root().folder() == fs::canonical(folder.path()));
}

TEST_CASE("a file that cannot be read is an Io error") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "absent.yaml";
  const Error missing = error_of([&] { Document::from_file(path); });
  CHECK(missing.kind() == ErrorKind::Io);
  CHECK(missing.what() ==
        concat(path.string(), ": cannot open for reading: No such file or directory"));
  CHECK(error_of([&] { Document::from_file(folder.path()); }).kind() == ErrorKind::Io);
}

TEST_CASE("a file without a folder in its name starts from the current one") {
  const TemporaryFolder folder;
  write_file_durably(folder.path() / "bare.yaml", "p: x\n");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const std::string path = Document::from_file("bare.yaml").root().path("p");
  fs::current_path(before);
  CHECK(path == (fs::canonical(folder.path()) / "x").string());
}

TEST_CASE("relative paths start from the folder of the file") {
  const Document document = Document::from_text(
      "a: x/y.txt\nb: ../../z\nc: /abs/q\nd: ./w\ne: [u, ../v]\nf: one\ng: p/../q\nh: 'a*.txt'\n",
      "c.yaml", "/top/mid/configs");
  const Reader reader = document.root();
  CHECK(reader.folder() == "/top/mid/configs");
  CHECK(reader.path("a") == "/top/mid/configs/x/y.txt");
  CHECK(reader.path("b") == "/top/z");
  CHECK(reader.path("c") == "/abs/q");
  CHECK(reader.path("d") == "/top/mid/configs/w");
  CHECK(reader.paths("e") == Texts{"/top/mid/configs/u", "/top/mid/v"});
  CHECK(reader.paths("f") == Texts{"/top/mid/configs/one"});
  CHECK(reader.path("g") == "/top/mid/configs/p/../q");
  CHECK(reader.path("h") == "/top/mid/configs/a*.txt");
  CHECK(reader.path("i", "../runs") == "/top/mid/runs");
}

TEST_CASE("a path through a linked folder is resolved as the system does") {
  const TemporaryFolder folder;
  make_folder(folder.path() / "real" / "deep");
  fs::create_directory_symlink(folder.path() / "real" / "deep", folder.path() / "link");
  const Document document = Document::from_text("p: ../x", "c.yaml", folder.path() / "link");
  CHECK(document.root().path("p") == (fs::canonical(folder.path()) / "real" / "x").string());
}

TEST_CASE("an empty path is refused unless the fallback is empty") {
  CHECK(refusal_of([] { document_of("p: ''").root().path("p"); }) ==
        "c.yaml:1:4: p must be a path, got the text \"\"");
  CHECK(refusal_of([] { document_of("p: ''").root().path("p", "x"); }) ==
        "c.yaml:1:4: p must be a path, got the text \"\"");
  CHECK(document_of("p: ''").root().path("p", "").empty());
  CHECK(document_of("q: 1").root().path("p", "").empty());
  CHECK(refusal_of([] { document_of("p: [a, '']").root().paths("p"); }) ==
        "c.yaml:1:8: p[1] must be a path, got the text \"\"");
  CHECK(refusal_of([] { document_of("p: {}").root().paths("p"); }) ==
        "c.yaml:1:4: p must be a path or a list of paths, got a map");
  CHECK(refusal_of([] { document_of("p: [a]").root().path("p"); }) ==
        "c.yaml:1:4: p must be a path, got a list");
}

constexpr char kSweep[] =
    "name: s\ngrid:\n  position.kind: [alibi, 'x y', \"7\"]\n  data.seq_len: [64, 1.5e-3, true, "
    "null]\n"
    "  model: [{a: 1, b: [x, \"y\"]}, {}, []]\n  one: 3\n";

TEST_CASE("keys lists a map in the order of the file") {
  const Document document = document_of(kSweep);
  CHECK(document.keys("") == Texts{"name", "grid"});
  CHECK(document.keys("grid") == Texts{"position.kind", "data.seq_len", "model", "one"});
  CHECK(refusal_of([&] { document.keys("name"); }) == "c.yaml:1:7: name must be a map, got s");
  CHECK(refusal_of([&] { document.keys("grid.absent.x"); }) ==
        "c.yaml:3:3: grid.absent must be given");
}

TEST_CASE("list elements are YAML text that reads back the same") {
  const Document document = document_of(kSweep);
  CHECK(document.list_elements("grid", "position.kind") == Texts{"alibi", "\"x y\"", "\"7\""});
  CHECK(document.list_elements("grid", "data.seq_len") == Texts{"64", "1.5e-3", "true", "null"});
  CHECK(document.list_elements("grid", "model") == Texts{"{a: 1, b: [x, \"y\"]}", "{}", "[]"});
  CHECK(refusal_of([&] { document.list_elements("grid", "one"); }) ==
        "c.yaml:6:8: grid.one must be a list, got 3");
  CHECK(refusal_of([&] { document.list_elements("grid", "absent"); }) ==
        "c.yaml:3:3: grid.absent must be given");
}

TEST_CASE("a list element works as the value of an override") {
  const Document sweep = document_of(kSweep);
  const std::string element = sweep.list_elements("grid", "model").front();
  const Document run = document_of("name: r", {"model=" + element});
  CHECK(run.root().section("model").integer("a", {}) == 1);
  CHECK(run.root().section("model").texts("b") == Texts{"x", "y"});
  const std::string text = sweep.list_elements("grid", "position.kind").back();
  CHECK(refusal_of([&] { document_of("name: r", {"k=" + text}).root().integer("k", {}); }) ==
        "--set k=\"7\": k must be a decimal integer, got the text \"7\"");
}

TEST_CASE("a list element that was taken counts as asked for") {
  const Document document = document_of("grid: {a: [1]}");
  document.list_elements("grid", "a");
  CHECK_NOTHROW(document.root().section("grid").finish());
}

}  // namespace
}  // namespace longspan::config
