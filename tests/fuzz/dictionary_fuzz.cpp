// A word dictionary; one that is accepted must print as it was.
#include "fuzz/target.h"
#include "tokenizer/dictionary.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  return fuzz::accept_or_refuse([&] {
    const auto vocabulary = parse_dictionary(fuzz::text_of(data, size), "input");
    const std::string text = format_dictionary(vocabulary);
    if (format_dictionary(parse_dictionary(text, "again")) != text)
      throw std::logic_error("a dictionary must read back as it was printed");
  });
}
