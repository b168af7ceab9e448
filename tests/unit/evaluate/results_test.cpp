// Cells in a results file: what replaces what, what stays, and files that are something else.
#include <cmath>
#include <fstream>
#include <limits>

#include "longspan/core/error.h"
#include "longspan/evaluate/results.h"
#include "support/temporary_folder.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace longspan::testing {
namespace {

Json cell(const std::string& run, std::int64_t length, double ppl) {
  Json cell{{"run", run},       {"checkpoint_step", 7},
            {"length", length}, {"mode", "nonoverlapping"},
            {"ppl", ppl},       {"position_overrides", Json::array()}};
  for (const auto* number : {"loss_nats", "ppl_stderr", "word_ppl", "bits_per_byte",
                             "early_token_loss", "full_context_loss"})
    cell[number] = 1.5;
  for (const auto* part : {"dtype", "model_hash", "targets_hash"}) cell[part] = "one";
  return cell;
}

TEST_CASE("cells are added, replaced by their key, and others kept") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "evaluations" / "valid.json";
  merge_evaluation(file, {cell("a", 64, 3.5), cell("a", 128, 4.5)});
  merge_evaluation(file, {cell("b", 64, 5.5), cell("a", 64, 2.5)});
  CHECK(read_json(file) ==
        Json{{"format", "longspan.evaluation/1"},
             {"cells", {cell("a", 64, 2.5), cell("a", 128, 4.5), cell("b", 64, 5.5)}}});
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, Json>>{{"checkpoint_step", 8},
                                                 {"mode", "stride:2"},
                                                 {"position_overrides", {"base=500"}},
                                                 {"dtype", "bf16"},
                                                 {"model_hash", "m2"},
                                                 {"targets_hash", "t2"}}) {
    Json other = cell("a", 64, 9.5);
    other[key] = value;
    const std::size_t before = read_json(file)["cells"].size();
    merge_evaluation(file, {other});
    merge_evaluation(file, {other});
    CHECK(read_json(file)["cells"].size() == before + 1);
  }
}

TEST_CASE("comparisons stand beside the cells, the last of a place alone") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "valid.json";
  merge_evaluation(file, {cell("a", 64, 3.5)});
  Json row{{"run", "a"},       {"against", "b"},          {"length", 64},
           {"mode", "m"},      {"difference_nats", 0.25}, {"p_value", std::nan("")},
           {"model_hash", "1"}};
  merge_comparison(file, row);
  Json longer = row;
  longer["length"] = 128;
  merge_comparison(file, longer);
  row["model_hash"] = "2";
  merge_comparison(file, row);
  row["p_value"] = longer["p_value"] = nullptr;
  CHECK(read_json(file)["comparisons"] == Json{longer, row});
  CHECK(read_json(file)["cells"] == Json{cell("a", 64, 3.5)});
  merge_evaluation(file, {cell("a", 64, 4.5)});
  CHECK(read_json(file)["comparisons"].size() == 2);
}

TEST_CASE("a cell is found again by what it is of") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "valid.json";
  CHECK(find_evaluation(file, cell("a", 64, 0.0)).is_null());
  merge_evaluation(file, {cell("a", 64, 3.5), cell("b", 64, 5.5)});
  CHECK(find_evaluation(file, cell("b", 64, 0.0)) == cell("b", 64, 5.5));
  CHECK(find_evaluation(file, cell("b", 65, 0.0)).is_null());
  Json without_overrides = cell("a", 64, 0.0);
  without_overrides.erase("position_overrides");
  CHECK(find_evaluation(file, without_overrides) == cell("a", 64, 3.5));
  Json overridden = cell("a", 64, 0.0);
  overridden["position_overrides"] = {"base=500"};
  CHECK(find_evaluation(file, overridden).is_null());
}

TEST_CASE("a cell of an older version gives way to one in its place and is never found") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "valid.json";
  Json old = cell("a", 64, 3.5);
  old.erase("model_hash");
  merge_evaluation(file, {old});
  CHECK(find_evaluation(file, cell("a", 64, 0.0)).is_null());
  merge_evaluation(file, {cell("a", 64, 2.5)});
  CHECK(read_json(file)["cells"] == Json{cell("a", 64, 2.5)});
}

TEST_CASE("another model's cell is not found, and an unfinished one neither") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "valid.json";
  Json whole = cell("a", 64, 3.5);
  whole["model_hash"] = "m1";
  merge_evaluation(file, {whole});
  CHECK(find_evaluation(file, whole) == whole);
  for (const auto* key :
       {"model_hash", "targets_hash", "words", "bytes", "dtype", "train_length"}) {
    INFO(key);
    Json other = whole;
    other[key] = "another";
    CHECK(find_evaluation(file, other).is_null());
  }
  Json unfinished = whole;
  unfinished.erase("word_ppl");
  merge_evaluation(file, {unfinished});
  CHECK(find_evaluation(file, whole).is_null());
}

TEST_CASE("each text has a file of its own, and no text file has a split's name") {
  const TemporaryFolder folder;
  const auto put = [&](const std::string& split, const std::string& targets_hash) {
    const auto file = results_file(folder.path(), split, targets_hash);
    Json scored = cell("a", 64, 3.5);
    scored["targets_hash"] = targets_hash;
    merge_evaluation(file, {scored});
    return file.filename().string();
  };
  CHECK(put("other/valid.txt", "11111111aa") == "valid-11111111.json");
  CHECK(put("valid", "22222222aa") == "valid.json");
  CHECK(put("a/x.txt", "33333333aa") == "x.json");
  CHECK(put("b/x.txt", "44444444aa") == "x-44444444.json");
  CHECK(put("c/x.txt", "33333333aa") == "x.json");
  CHECK(put("d/x.txt", "44444444bb") == "x-44444444bb.json");
  CHECK(put("VALID.txt", "55555555aa") == "VALID-55555555.json");
  CHECK(put(std::string(250, 'n') + ".txt", "66666666aa") == std::string(150, 'n') + ".json");
}

TEST_CASE("numbers that are not finite become null") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "valid.json";
  merge_evaluation(file, {cell("a", 64, std::numeric_limits<double>::infinity()),
                          cell("a", 65, std::numeric_limits<double>::quiet_NaN())});
  const Json results = read_json(file);
  CHECK(results["cells"][0]["ppl"].is_null());
  CHECK(results["cells"][1]["ppl"].is_null());
}

TEST_CASE("a file of another format is refused and left as it is") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "valid.json";
  for (const std::string text :
       {R"({"format": "longspan.evaluation/2", "cells": []})", R"({"cells": []})", "[]", "{",
        R"({"format": "longspan.evaluation/1", "cells": {}})"}) {
    std::ofstream(file) << text;
    try {
      merge_evaluation(file, {cell("a", 64, 1.0)});
      FAIL("accepted " << text);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Data);
      CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring(file.string()));
    }
    std::ifstream stream(file);
    CHECK(std::string(std::istreambuf_iterator<char>(stream), {}) == text);
  }
}

}  // namespace
}  // namespace longspan::testing
