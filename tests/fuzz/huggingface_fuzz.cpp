// A folder of transformers: config.json, 0, the index or nothing, 0, the tensors: pytorch_model.bin
// where they begin as a zip archive or a pickle does, safetensors else.
#include "fuzz/memory_file.h"
#include "fuzz/target.h"
#include "longspan/interop/portable_model.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFolder folder;
  std::string_view rest = fuzz::text_of(data, size);
  const std::string_view config = fuzz::take_part(rest), index = fuzz::take_part(rest);
  const std::string ending = ".index.json";
  for (const std::string file : {"model.safetensors", "pytorch_model.bin"}) {
    std::filesystem::remove(folder.path() / file);
    std::filesystem::remove(folder.path() / (file + ending));
  }
  const bool is_pickle = rest.starts_with("PK") || rest.starts_with('\x80');
  const std::string file = is_pickle ? "pytorch_model.bin" : "model.safetensors";
  folder.write("config.json", config);
  if (!index.empty()) folder.write(file + ending, index);
  folder.write(file, rest);
  return fuzz::accept_or_refuse([&] { import_huggingface(folder.path()); });
}
