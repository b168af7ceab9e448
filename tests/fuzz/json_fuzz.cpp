// A JSON document, and what readers do with one: copy, compare, print.
#include "fuzz/target.h"
#include "longspan/core/json.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  return fuzz::accept_or_refuse([&] {
    const Json document = parse_json(fuzz::text_of(data, size), "input");
    const Json copy = document;
    const Json again = parse_json(json_line(copy), "again");
    if (again != document) throw std::logic_error("a document must read back as it was printed");
  });
}
