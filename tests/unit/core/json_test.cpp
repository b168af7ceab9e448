#include "longspan/core/json.h"

#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <limits>
#include <string>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/random.h"
#include "support/temporary_folder.h"
#include "unit/core/error_of.h"

namespace longspan {
namespace {

using testing::error_of;
using testing::TemporaryFolder;

std::string parse_error(const std::string& text) {
  const Error error = error_of([&] { parse_json(text, "m.json"); });
  CHECK(error.kind() == ErrorKind::Data);
  return error.what();
}

TEST_CASE("keys keep the order of the text") {
  const Json document =
      parse_json(R"({"z": 1, "a": [true, null, "x"], "m": {"k": -2.5}})", "m.json");
  CHECK(document.dump() == R"({"z":1,"a":[true,null,"x"],"m":{"k":-2.5}})");
}

TEST_CASE("a double reads back to the same bits") {
  RandomStream stream(11, RandomPurpose::Benchmark, 0);
  std::vector<double> values = {0.0,
                                -0.0,
                                0.1,
                                1e300,
                                std::numeric_limits<double>::denorm_min(),
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::lowest(),
                                9007199254740993.0};
  while (values.size() < 20000) {
    const std::uint64_t high = stream.bits();
    const auto value = std::bit_cast<double>((high << 32) | stream.bits());
    if (std::isfinite(value)) values.push_back(value);
  }
  Json document = values;
  const auto again = parse_json(document.dump(), "m.json").get<std::vector<double>>();
  REQUIRE(again.size() == values.size());
  std::size_t different = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::bit_cast<std::uint64_t>(values[i]) != std::bit_cast<std::uint64_t>(again[i]))
      ++different;
  }
  CHECK(different == 0);
}

TEST_CASE("64-bit integers keep all digits") {
  const char text[] = "[-9223372036854775808,9223372036854775807,18446744073709551615]";
  CHECK(parse_json(text, "m.json").dump() == text);
}

TEST_CASE("a syntax error names source, line and column") {
  CHECK(parse_error("{\n  \"a\": 1,\n  \"b\": tru }").starts_with("m.json:3:11: must be JSON: "));
  CHECK(parse_error("").starts_with("m.json:1:1: must be JSON: "));
  CHECK(parse_error("{} {}").starts_with("m.json:1:4: must be JSON: "));
  CHECK(parse_error("[1, 2").starts_with("m.json:1:"));
  CHECK(parse_error("{\"a\": NaN}").starts_with("m.json:1:7: must be JSON: "));
  CHECK(parse_error("[\"\xff\"]").starts_with("m.json:1:3: must be JSON: "));
}

TEST_CASE("a number that no double holds is refused") {
  CHECK(parse_error("[1e999]").starts_with("m.json: must be JSON: "));
}

TEST_CASE("a key given twice is refused") {
  CHECK(parse_error(R"({"a": {"x": 1, "y": 2, "x": 3}})") ==
        "m.json: keys of a JSON object must differ, got twice x");
  CHECK_NOTHROW(parse_json(R"({"a": {"x": 1}, "b": [{"x": 2}, {"x": 3}], "x": 4})", "m.json"));
}

TEST_CASE("a deeply nested text is refused, closed or not") {
  const std::string opened(200000, '['), closed(200000, ']');
  CHECK(parse_error(opened) == "m.json: JSON must nest at most 100 deep, it is deeper");
  CHECK(parse_error(opened + closed) == "m.json: JSON must nest at most 100 deep, it is deeper");
  std::string objects;
  for (int i = 0; i < 101; ++i) objects += "{\"a\":";
  CHECK(parse_error(objects) == "m.json: JSON must nest at most 100 deep, it is deeper");
  CHECK_NOTHROW(parse_json(std::string(100, '[') + std::string(100, ']'), "m.json"));
}

TEST_CASE("the time to parse grows with the text, not with its square") {
  std::string objects = "[", keys = "{";
  for (int i = 0; i < 300000; ++i) {
    objects += concat(i == 0 ? "" : ",", "{}");
    keys += concat(i == 0 ? "" : ",", '"', i, "\":0");
  }
  const std::clock_t begin = std::clock();
  CHECK(parse_json(objects + "]", "m.json").size() == 300000);
  const Json many = parse_json(keys + "}", "m.json");
  CHECK(many.size() == 300000);
  CHECK(json_line(many) == keys + "}\n");
  CHECK(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 10.0);
}

TEST_CASE("a file that is too large to be JSON is refused before it is read") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "m.json";
  std::ofstream(path) << "{}";
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
  CHECK(std::string(error_of([&] { read_json(path); }).what()) ==
        path.string() + ": a JSON file must have at most 268435456 bytes, it has 1099511627776");
}

TEST_CASE("a written document reads back and ends in a newline") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "m.json";
  const Json document = {{"step", 7}, {"names", {"a", "b"}}, {"empty", Json::object()}};
  write_json(path, document);
  CHECK(read_file(path).ends_with("}\n"));
  CHECK(read_file(path).find("\n  \"step\": 7,\n") != std::string::npos);
  CHECK(read_json(path) == document);
}

TEST_CASE("a line of JSON escapes what is no UTF-8") {
  CHECK(json_line({{"a", "\xff\x1b"}, {"b\xfe", {"\xC3\xA9\x1b", 1.5}}}) ==
        "{\"a\":\"\\\\xff\\\\x1b\",\"b\\\\xfe\":[\"\xC3\xA9\\u001b\",1.5]}\n");
}

TEST_CASE("errors of files name the path") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "m.json";
  CHECK(error_of([&] { read_json(path); }).kind() == ErrorKind::Io);
  write_file_durably(path, "{\"a\": }");
  const Error damaged = error_of([&] { read_json(path); });
  CHECK(damaged.kind() == ErrorKind::Data);
  CHECK(std::string(damaged.what()).starts_with(concat(path.string(), ":1:7: must be JSON: ")));

  const Error not_text = error_of([&] { write_json(path, Json("\xff")); });
  CHECK(not_text.kind() == ErrorKind::Data);
  CHECK(std::string(not_text.what())
            .starts_with(concat(path.string(), ": cannot be written as JSON: ")));
  CHECK(read_file(path) == "{\"a\": }");
}

}  // namespace
}  // namespace longspan
