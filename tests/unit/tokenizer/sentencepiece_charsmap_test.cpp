// Tables of characters that lead out of themselves, each around a model that is good otherwise.
#include "tokenizer/sentencepiece_charsmap.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <cstring>
#include <vector>

#include "unit/tokenizer/caught.h"

namespace longspan {
namespace {

using testing::caught;

std::string field(int number, const std::string& content) {
  std::string size;
  for (std::size_t left = content.size(); size.empty() || left > 0; left >>= 7)
    size += static_cast<char>((left & 0x7f) | (left >= 0x80 ? 0x80 : 0));
  return static_cast<char>(number << 3 | 2) + size + content;
}

// The root goes to unit 256 + 'b', which has a leaf, unit 257.
std::vector<std::uint32_t> good_units() {
  std::vector<std::uint32_t> units(512);
  units[0] = 256u << 10;
  units[256 + 'b'] = 'b' | 1u << 8 | ((256u + 'b') ^ 257u) << 10;
  units[257] = 1u << 31;
  return units;
}

std::string model_of(const std::vector<std::uint32_t>& units, const std::string& texts) {
  const auto bytes = static_cast<std::uint32_t>(4 * units.size());
  std::string table(4 + bytes, '\0');
  std::memcpy(table.data(), &bytes, 4);
  std::memcpy(table.data() + 4, units.data(), bytes);
  return field(1, field(1, "a")) + field(3, field(1, "nfkc") + field(2, table + texts));
}

void check_refused(const std::string& model) {
  const auto error = caught([&] { check_charsmaps(model, "m.model"); });
  CHECK(error.kind == ErrorKind::Data);
  CHECK(error.text ==
        "m.model: the model's table of characters must not lead outside itself, it "
        "does; it is damaged");
}

TEST_CASE("charsmap: a table that stays inside passes") {
  const std::string texts("c\0", 2);
  CHECK_NOTHROW(check_charsmaps(model_of(good_units(), texts), "m.model"));
  CHECK_NOTHROW(check_charsmaps("", "m.model"));
}

TEST_CASE("charsmap: a table that leads outside is refused") {
  const std::string texts("c\0", 2);
  auto units = good_units();
  units[0] = 512u << 10;
  check_refused(model_of(units, texts));
  units[0] = 1u << 31 | 512u << 10;
  check_refused(model_of(units, texts));
  units = good_units();
  units[256 + 'b'] = 'b' | 1u << 9 | 512u << 10;
  check_refused(model_of(units, texts));
  units = good_units();
  units[257] = 1u << 31 | 2;
  check_refused(model_of(units, texts));
  check_refused(model_of(good_units(), "c"));
  units = good_units();
  units.resize(511);
  check_refused(model_of(units, texts));
  check_refused(field(5, field(2, std::string("\xff\xff\xff\xff\0", 5))));
  check_refused(field(3, field(2, std::string(1, '\0'))));
}

TEST_CASE("charsmap: a malformed protocol buffer is refused") {
  for (const std::string& model :
       {std::string("\x1a\x7f"), std::string("\x1b\x1c"), std::string(12, '\xff'),
        std::string("\x03"), std::string("\x1a\x02\x12\x05"), std::string("\x07", 1)}) {
    const auto error = caught([&] { check_charsmaps(model, "m.model"); });
    CHECK(error.text == "m.model: must be a SentencePiece model, got: a malformed protocol buffer");
  }
}

}  // namespace
}  // namespace longspan
