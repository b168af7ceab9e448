#include <catch2/catch_test_macros.hpp>
#include <string>

#include "longspan/config/reader.h"
#include "unit/config/reading.h"

namespace longspan::config {
namespace {

using testing::document_of;
using testing::refusal_of;
using testing::refusal_of_override;
using Integers = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

constexpr char kText[] = "seed: 1\nmodel:\n  num_heads: 8\n  init: fairseq\nlist: [1, 2]\n";

TEST_CASE("an override replaces a scalar, a list or a map") {
  const Document document = document_of(kText, {"model.num_heads=4", "list=[3]", "seed=9",
                                                "model.init={from: a=b}", "model.num_heads=2"});
  const Reader root = document.root();
  CHECK(root.section("model").integer("num_heads", {}) == 2);
  CHECK(root.section("model").section("init").text("from") == "a=b");
  CHECK(root.integers("list", {}) == Integers{3});
  CHECK(root.integer("seed", {}) == 9);
  CHECK_NOTHROW(root.finish());
  CHECK(document.keys("") == Texts{"seed", "model", "list"});
}

TEST_CASE("a map given by an override replaces the whole map") {
  const Document document = document_of(kText, {"model={ffn_dim: 3}"});
  CHECK(document.keys("model") == Texts{"ffn_dim"});
}

TEST_CASE("an override makes keys and the maps on the way") {
  const Document document = document_of(kText, {"a.b.c=7", "a.b.d='x y'", "model.init.from=run"});
  const Reader b = document.root().section("a").section("b");
  CHECK(b.integer("c", {}) == 7);
  CHECK(b.text("d") == "x y");
  CHECK(document.root().section("model").section("init").text("from") == "run");
}

TEST_CASE("an override is a place of its own") {
  const Document document = document_of(kText, {"model.num_heads=7", "extra.deep={k: 1}"});
  const Reader model = document.root().section("model");
  CHECK(model.place("num_heads") == "--set model.num_heads=7: model.num_heads");
  CHECK(model.place("init") == "c.yaml:4:9: model.init");
  const Reader deep = document.root().section("extra").section("deep");
  CHECK(deep.place("k") == "--set extra.deep={k: 1}: extra.deep.k");
  CHECK(deep.place("absent") == "--set extra.deep={k: 1}: extra.deep.absent");
  CHECK(refusal_of([&] { model.integer("num_heads", {.high = 5}); }) ==
        "--set model.num_heads=7: model.num_heads must be at most 5, got 7");
}

TEST_CASE("a key that only an override gives is unknown by the override") {
  const Document document = document_of(kText, {"model.num_head=7"});
  const Reader model = document.root().section("model");
  model.integer("num_heads", {});
  model.text("init");
  CHECK(refusal_of([&] { model.finish(); }) ==
        "--set model.num_head=7: unknown key model.num_head; did you mean num_heads?");
}

TEST_CASE("a scalar that an override turns into a map is the override's") {
  const Document document = document_of(kText, {"seed.x=1"});
  CHECK(document.root().section("seed").integer("x", {}) == 1);
  const Document unread = document_of(kText, {"seed.x=1"});
  CHECK(refusal_of([&] { unread.root().finish(); }) == "--set seed.x=1: unknown key seed");
  const Document replaced = document_of(kText, {"seed=2"});
  CHECK(refusal_of([&] { replaced.root().finish(); }) == "--set seed=2: unknown key seed");
}

TEST_CASE("a malformed override is refused") {
  CHECK(refusal_of_override(kText, "seed") == "--set seed: must be KEY=VALUE");
  CHECK(refusal_of_override(kText, "=5") ==
        "--set =5: must name a key as in model.num_layers=4, got none");
  CHECK(refusal_of_override(kText, "model..x=5") ==
        "--set model..x=5: must name a key as in model.num_layers=4, got model..x");
  CHECK(refusal_of_override(kText, "seed.=5") ==
        "--set seed.=5: must name a key as in model.num_layers=4, got seed.");
  CHECK(refusal_of_override(kText, "seed=") ==
        "--set seed=: must give a value, got nothing (null)");
  CHECK(refusal_of_override(kText, "seed=null") ==
        "--set seed=null: must give a value, got nothing (null)");
  CHECK(refusal_of_override(kText, "list.0=5") ==
        "--set list.0=5: list is a list; set the whole list");
  CHECK(refusal_of_override(kText, "seed=[1").ends_with("(or a bracket is not closed)"));
  CHECK(refusal_of_override(kText, "seed='1").starts_with("--set seed='1: must be YAML: "));
  CHECK(refusal_of_override(kText, "m={a: 1, a: 2}") ==
        "--set m={a: 1, a: 2}: m.a is given twice, first in line 1");
  CHECK(refusal_of_override(kText, "data.train=*.txt") ==
        "--set data.train=*.txt: aliases are not supported: write the value out, or quote a text "
        "that "
        "begins with *");
  CHECK(refusal_of_override(kText, "seed=1\n---\n2")
            .starts_with("--set seed=1 --- 2: does not belong"));
  CHECK(refusal_of_override(kText, "seed=\xFF").find("got byte 0xff") != std::string::npos);
}

TEST_CASE("a map that is null in the file can be filled by overrides") {
  const Document document = document_of("model:\nseed: 1\n", {"model.num_heads=2"});
  CHECK(document.root().section("model").integer("num_heads", {}) == 2);
}

TEST_CASE("an override of very many levels is refused") {
  std::string levels = "a";
  for (int i = 0; i < 50000; ++i) levels += ".a";
  const std::string refusal = refusal_of_override("b: 1", levels + "=1");
  CHECK(refusal.ends_with(": must name a key of at most 500 bytes, got 100001"));
}

}  // namespace
}  // namespace longspan::config
