// manifest.json of a checkpoint; every file that it names must lie in the folder.
#include "checkpoint/manifest.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static fuzz::MemoryFolder folder;
  for (const char* name : {"model.safetensors", "optimizer.safetensors", "trainer.json"})
    folder.write(name, "ab");
  folder.write("config.yaml", "");
  folder.write("manifest.json", fuzz::text_of(data, size));
  return fuzz::accept_or_refuse([&] {
    for (const auto& file : checkpoint::read_manifest(folder.path()).files) {
      const auto path = std::filesystem::canonical(folder.path() / file.name);
      if (path.lexically_relative(folder.path()).string().starts_with(".."))
        throw std::logic_error("a file of the manifest must lie in its folder: " + file.name);
    }
  });
}
