// A folder of transformers: config.json, 0, the index or nothing, 0, the tensors.
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/interop/portable_model.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFolder folder;
  std::string_view rest = fuzz::text_of(data, size);
  folder.write("config.json", fuzz::take_part(rest));
  const std::string_view index = fuzz::take_part(rest);
  constexpr char kIndex[] = "model.safetensors.index.json";
  if (index.empty())
    std::filesystem::remove(folder.path() / kIndex);
  else
    folder.write(kIndex, index);
  folder.write("model.safetensors", rest);
  return fuzz::accept_or_refuse([&] { import_huggingface(folder.path()); });
}
