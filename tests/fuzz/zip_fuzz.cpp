// A zip archive; what it gives out must lie within it.
#include "fuzz/target.h"
#include "interop/zip.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  const std::string_view file = fuzz::text_of(data, size);
  return fuzz::accept_or_refuse([&] {
    for (const auto& [name, content] : interop::read_zip(file, "input"))
      if (content.data() < file.data() || content.data() + content.size() > file.data() + size)
        throw std::logic_error("the content of an entry must lie within the archive");
  });
}
