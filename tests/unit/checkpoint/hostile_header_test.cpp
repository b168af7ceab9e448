// Headers that lie: each must be refused by name before any memory is touched that is not the
// file's.
#include <cstring>
#include <limits>

#include "longspan/checkpoint/safetensors.h"
#include "unit/checkpoint/checkpoint_cases.h"

namespace longspan::testing {
namespace {

std::string file_with(const std::string& header, std::size_t data_bytes, std::uint64_t length) {
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, '\1');
}

void check_header_refused(const std::string& header, std::size_t data_bytes,
                          const std::vector<std::string>& pieces) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "hostile.safetensors";
  write_text(path, file_with(header, data_bytes, header.size()));
  INFO(header.substr(0, 200));
  check_refused([&] { read_safetensors(path); }, {path.string()});
  check_refused([&] { read_safetensors(path); }, pieces);
}

std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype": ")" + dtype + R"(", "shape": )" + shape + R"(, "data_offsets": )" + offsets +
         "}";
}

TEST_CASE("a header length beyond the file is refused") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "hostile.safetensors";
  for (const std::uint64_t length :
       {std::uint64_t{3}, std::uint64_t{1} << 40, std::numeric_limits<std::uint64_t>::max()}) {
    write_text(path, file_with("{}", 0, length));
    check_refused([&] { read_safetensors(path); },
                  {path.string(), "the header must be at most 2 bytes long, got "});
  }
  write_text(path, "");
  check_refused([&] { read_safetensors(path); },
                {"must begin with 8 bytes of header length, the file has 0"});
  write_text(path, "short");
  check_refused([&] { read_safetensors(path); }, {"the file has 5"});
}

TEST_CASE("a header that is no JSON object, repeats a key or nests deeply is refused") {
  check_header_refused("", 0, {"must be JSON"});
  check_header_refused("{", 0, {"must be JSON"});
  check_header_refused("[]", 0, {"the header must be a map, got array"});
  check_header_refused("{\"a\xff\": 1}", 0, {"must be JSON"});
  check_header_refused(std::string(100000, '['), 0, {"must nest at most 4 deep"});
  const std::string entry = tensor("U8", "[1]", "[0, 1]");
  check_header_refused("{\"a\": " + entry + ", \"a\": " + entry + "}", 1, {"got twice a"});
}

TEST_CASE("brackets inside names do not count as nesting") {
  const TemporaryFolder folder;
  const NamedTensors tensors = {{"[[[[[[\"{{{{\\", at::full({2}, 1.0f)}};
  write_safetensors(folder.path() / "a", tensors);
  CHECK(equal(read_safetensors(folder.path() / "a"), tensors));
}

TEST_CASE("an entry with wrong keys or types is refused by the tensor's name") {
  check_header_refused(R"({"w": 3})", 0,
                       {"tensor w: must have exactly the keys dtype, shape and data_offsets"});
  check_header_refused(R"({"w": {"dtype": "U8", "shape": [1]}})", 1,
                       {"tensor w", "exactly the keys"});
  check_header_refused("{\"w\": " + tensor("F8_E4M3", "[1]", "[0, 1]") + "}", 1,
                       {"tensor w: dtype must be one of F32", "got \"F8_E4M3\""});
  check_header_refused(R"({"w": {"dtype": 5, "shape": [1], "data_offsets": [0, 1]}})", 1,
                       {"dtype must be a text, got 5"});
  check_header_refused("{\"w\": " + tensor("U8", "1", "[0, 1]") + "}", 1,
                       {"shape must be a list, got number"});
  check_header_refused("{\"w\": " + tensor("U8", "[-1]", "[0, 1]") + "}", 1,
                       {"shape must hold integers >= 0, got -1"});
  check_header_refused("{\"w\": " + tensor("U8", "[1.0]", "[0, 1]") + "}", 1, {"got 1.0"});
  check_header_refused("{\"w\": " + tensor("U8", "[true]", "[0, 1]") + "}", 1, {"got true"});
  check_header_refused("{\"__metadata__\": [1]}", 0, {"__metadata__ must be a map, got array"});
  check_header_refused("{\"__metadata__\": {\"k\": 1}}", 0,
                       {"__metadata__.k must be a text, got 1"});
}

TEST_CASE("offsets outside the file, reversed, overlapping or with a gap are refused") {
  check_header_refused("{\"w\": " + tensor("U8", "[9]", "[0, 9]") + "}", 4,
                       {"within the file's 4 bytes of data, got 9"});
  check_header_refused("{\"w\": " + tensor("U8", "[1]", "[2, 1]") + "}", 4,
                       {"must be [begin, end], got [2,1]"});
  check_header_refused("{\"w\": " + tensor("U8", "[1]", "[0]") + "}", 4,
                       {"must be [begin, end], got [0]"});
  check_header_refused("{\"w\": " + tensor("F32", "[2]", "[0, 4]") + "}", 4,
                       {"must span the 8 bytes of its shape, got 4"});
  check_header_refused("{\"a\": " + tensor("U8", "[3]", "[0, 3]") +
                           ", \"b\": " + tensor("U8", "[2]", "[2, 4]") + "}",
                       4, {"tensor b must begin where the one before it ends (3), got 2"});
  check_header_refused("{\"a\": " + tensor("U8", "[1]", "[0, 1]") +
                           ", \"b\": " + tensor("U8", "[2]", "[2, 4]") + "}",
                       4, {"tensor b must begin where the one before it ends (1), got 2"});
  check_header_refused("{\"a\": " + tensor("U8", "[3]", "[0, 3]") + "}", 4,
                       {"cover all 4 bytes of data, they cover 3"});
}

TEST_CASE("shapes whose size overflows are refused") {
  const std::string half = "4611686018427387904";  // 2^62
  check_header_refused("{\"w\": " + tensor("F32", "[" + half + ", 4]", "[0, 0]") + "}", 0,
                       {"63 bits"});
  check_header_refused("{\"w\": " + tensor("U8", "[0, " + half + ", 2]", "[0, 0]") + "}", 0,
                       {"63 bits"});
  check_header_refused("{\"w\": " + tensor("U8", "[18446744073709551615]", "[0, 0]") + "}", 0,
                       {"63 bits"});
  check_header_refused("{\"w\": " + tensor("U8", "[99999999999999999999]", "[0, 0]") + "}", 0,
                       {"integers >= 0"});
}

TEST_CASE("shapes of very many dimensions are refused") {
  std::string ones = "[1";
  for (int i = 0; i < 100; ++i) ones += ",1";
  check_header_refused("{\"w\": " + tensor("U8", ones + "]", "[0, 1]") + "}", 1,
                       {"tensor w: shape must have at most 8 dimensions, got 101"});
}

TEST_CASE("bytes of a BOOL tensor other than 0 and 1 are refused") {
  const TemporaryFolder folder;
  const std::string header = "{\"w\": " + tensor("BOOL", "[2]", "[0, 2]") + "}";
  std::string file = file_with(header, 2, header.size());
  write_text(folder.path() / "a", file);
  CHECK(read_safetensors(folder.path() / "a").size() == 1);
  file.back() = '\2';
  write_text(folder.path() / "a", file);
  check_refused([&] { read_safetensors(folder.path() / "a"); },
                {"tensor w: bytes of BOOL must be 0 or 1"});
}

TEST_CASE("tensors may be listed in another order than their bytes") {
  const TemporaryFolder folder;
  const std::string header = "{\"late\": " + tensor("U8", "[2]", "[1, 3]") +
                             ", \"early\": " + tensor("U8", "[1]", "[0, 1]") + "}";
  write_text(folder.path() / "a", file_with(header, 3, header.size()));
  const NamedTensors tensors = read_safetensors(folder.path() / "a");
  REQUIRE(tensors.size() == 2);
  CHECK(tensors[0].name == "early");
  CHECK(tensors[1].name == "late");
}

TEST_CASE("a flip of any bit of the header, and any truncation, is refused or harmless") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a";
  write_safetensors(path, {{"w", at::full({2, 3}, 1.5f)}, {"k", at::full({5}, true)}},
                    {{"format", "pt"}});
  const std::string good = read_file(path);
  int refused = 0;
  const auto try_reading = [&](const std::string& bytes) {
    write_text(path, bytes);
    try {
      read_safetensors(path);
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::Checkpoint);
      ++refused;
    }
  };
  for (std::size_t length = 0; length < good.size(); ++length) try_reading(good.substr(0, length));
  CHECK(refused == static_cast<int>(good.size()));
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    try_reading(bytes);
  }
  CHECK(refused > static_cast<int>(4 * good.size()));
}

}  // namespace
}  // namespace longspan::testing
