// A checkpoint of fairseq: a zip archive or the container before it, pickles, tensors.
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/interop/portable_model.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFile file;
  const auto path = file.hold(fuzz::text_of(data, size));
  return fuzz::accept_or_refuse([&] { import_fairseq(path, "alibi"); });
}
