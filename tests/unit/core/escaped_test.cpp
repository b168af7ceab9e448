#include "longspan/core/escaped.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace longspan {
namespace {

using namespace std::string_literals;

TEST_CASE("what is fit to be shown stays as it is") {
  for (const std::string text : {"", "plain \"text\" with \\n and \\x1b", "caf\xC3\xA9 \xC2\xA0",
                                 "\xE4\xB8\xAD\xF0\x9F\x98\x80"}) {
    CHECK(escaped(text) == text);
    CHECK(escaped_lines(text) == text);
    CHECK(shown(text) == text);
  }
}

TEST_CASE("control characters and bytes that are no UTF-8 become numbers") {
  CHECK(escaped("\x1b[31m\x07\x7f\0."s) == "\\x1b[31m\\x07\\x7f\\x00.");
  CHECK(escaped("caf\xe9 \xC3") == "caf\\xe9 \\xc3");
  CHECK(escaped("\xff\xfe\xC3\xA9\xE4\xB8.") == "\\xff\\xfe\xC3\xA9\\xe4\\xb8.");
  CHECK(escaped("\xC2\x9B"
                "31m\xC2\x80\xC2\xA0") == "\\xc2\\x9b31m\\xc2\\x80\xC2\xA0");
}

TEST_CASE("line breaks and tabs become one line, or stay") {
  CHECK(escaped("a\nb\r\tc") == "a\\nb\\r\\tc");
  CHECK(escaped_lines("a\nb\r\tc\x1b\xff") == "a\nb\r\tc\\x1b\\xff");
}

TEST_CASE("a very long text is cut between characters, with a count") {
  const std::string fits(2000, 'x');
  CHECK(shown(fits) == fits);
  CHECK(shown("head " + std::string(100000, '.') + " tail") ==
        "head " + std::string(1495, '.') + " ... (98010 bytes left out) ... " +
            std::string(495, '.') + " tail");
  std::string wide = "y";
  for (int i = 0; i < 1000; ++i) wide += "\xE4\xB8\xAD";
  const std::string cut = shown(wide);
  CHECK(cut.find("\\x") == std::string::npos);
  CHECK(cut.find(" ... (1002 bytes left out) ... ") != std::string::npos);
  const std::string damage = shown(std::string(5000, '\xff'));
  CHECK(damage.starts_with("\\xff\\xff"));
  CHECK(damage.size() < 8100);
}

}  // namespace
}  // namespace longspan
