// The index of Megatron's and fairseq's ids, behind two bytes that say how many bytes the ids have.
#include "data/token_file_set.h"
#include "fuzz/memory_file.h"
#include "fuzz/target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longspan;
  static const fuzz::MemoryFolder folder;
  if (size < 2) return 0;
  std::string ids(static_cast<std::size_t>(data[0] + 256 * data[1]), '\0');
  for (std::size_t i = 0; i < ids.size(); i += 8) ids[i] = static_cast<char>(i / 8);
  folder.write("a.bin", ids);
  folder.write("a.idx", fuzz::text_of(data + 2, size - 2));
  return fuzz::accept_or_refuse([&] {
    TokenFile opened = open_token_file(folder.path() / "a.bin", TokenFormat::Auto);
    const std::int64_t count = opened.layout.num_tokens;
    if (count * row_of(opened.layout.type).bytes != static_cast<std::int64_t>(ids.size()))
      throw std::logic_error("an index must be of all of the ids");
    scan_token_file(opened, std::int64_t{1} << 31);
    std::vector<std::int64_t> read(static_cast<std::size_t>(count));
    TokenFileSet({std::move(opened)}, std::int64_t{1} << 31).copy(0, count, read.data());
  });
}
