// tokenizer.json of a folder that holds a dictionary.
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFolder folder;
  folder.write("dict.txt", "the 9\nof 4\n");
  folder.write("tokenizer.json", fuzz::text_of(data, size));
  return fuzz::accept_or_refuse([&] { load_tokenizer(folder.path()); });
}
