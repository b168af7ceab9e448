#include "longspan/core/utf8.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace longspan {

TEST_CASE("utf8: well-formed text has no invalid byte") {
  for (const std::string text : {"", "plain ascii, longer than eight bytes", "\xC2\x80",
                                 "caf\xC3\xA9 \xE4\xB8\xAD \xF0\x9F\x98\x80 end", "\xEF\xBF\xBF",
                                 "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF\xEE\x80\x80"}) {
    CAPTURE(text);
    CHECK(find_invalid_utf8(text) == std::string::npos);
  }
}

TEST_CASE("utf8: the place of the first invalid byte is found") {
  const std::string ten = "0123456789";
  for (const std::string bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3z", "\xE0\x80\x80", "\xE4\xB8", "\xED\xA0\x80",
        "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE4\xB8z"}) {
    CAPTURE(bad);
    CHECK(find_invalid_utf8(bad) == 0);
    CHECK(find_invalid_utf8(ten + bad + ten) == 10);
    CHECK(find_invalid_utf8("\xC3\xA9" + bad) == 2);
  }
}

}  // namespace longspan
