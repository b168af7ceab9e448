// Which format a file of ids has, and where its ids lie. Headers are checked against the file's
// size, so that nothing is allocated or read by a number that the file cannot bear out.
#include "data/token_layout.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <system_error>

#include "longspan/config/choice.h"
#include "longspan/core/error.h"

namespace longspan {
namespace fs = std::filesystem;
namespace {

static_assert(std::endian::native == std::endian::little, "ids are mapped as they are on disk");

/// llm.c's header of 256 int32: magic, version, count, zeros.
struct LlmcKind {
  std::int32_t magic, version;
  IdType type;
};
constexpr std::array kLlmcKinds{LlmcKind{20240520, 1, IdType::UInt16},
                                LlmcKind{20240801, 7, IdType::UInt32}};
constexpr std::int32_t kLlmcEvaluationMagic = 20240522;  // HellaSwag's examples
constexpr std::size_t kLlmcHeaderBytes = 1024;
constexpr std::string_view kIndexMagic = "MMIDIDX";

std::array<std::int32_t, 3> first_numbers(const MappedFile& file) {
  std::array<std::int32_t, 3> numbers{};
  if (file.bytes().size() < sizeof numbers) return numbers;
  file.load(0, sizeof numbers);
  std::memcpy(numbers.data(), file.bytes().data(), sizeof numbers);
  return numbers;
}

bool is_llmc(std::int32_t magic) {
  return magic == kLlmcEvaluationMagic ||
         std::ranges::find(kLlmcKinds, magic, &LlmcKind::magic) != kLlmcKinds.end();
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return !path.empty() && fs::is_regular_file(path, ignored);
}

TokenFormat format_by_content(const MappedFile& file, const fs::path& path) {
  if (is_there(index_path(path))) return TokenFormat::Megatron;
  if (is_llmc(first_numbers(file).front())) return TokenFormat::LlmC;
  const auto bytes = file.bytes();
  const bool is_index = bytes.size() >= kIndexMagic.size() &&
                        std::memcmp(bytes.data(), kIndexMagic.data(), kIndexMagic.size()) == 0;
  check(!is_index, ErrorKind::Data, path.string(),
        ": must be a file of token ids, found their index; name the .bin beside it");
  throw Error(ErrorKind::Data,
              concat(path.string(),
                     ": must say what ids it holds, found neither llm.c's header nor an .idx "
                     "beside it; for plain ids of two bytes, as nanoGPT writes them, give format: "
                     "nanogpt"));
}

TokenLayout plain_layout(std::int64_t bytes, const std::string& path) {
  constexpr std::int64_t kWidth = 2;
  check(bytes % kWidth == 0, ErrorKind::Data, path,
        ": plain ids (format nanogpt) must have two bytes each, found a file of ", bytes, " bytes");
  return {TokenFormat::NanoGpt, IdType::UInt16, 0, bytes / kWidth, std::nullopt};
}

TokenLayout llmc_layout(const MappedFile& file, const std::string& path) {
  const auto [magic, version, count] = first_numbers(file);
  check(magic != kLlmcEvaluationMagic, ErrorKind::Data, path,
        ": must be a text's ids, found llm.c's examples of an evaluation");
  const auto kind = std::ranges::find(kLlmcKinds, magic, &LlmcKind::magic);
  check(kind != kLlmcKinds.end(), ErrorKind::Data, path,
        ": must start with llm.c's magic number, 20240520 or 20240801, found ", magic);
  check(version == kind->version, ErrorKind::Data, path, ": version of llm.c's magic number ",
        magic, " must be ", kind->version, ", found ", version);
  const std::int64_t width = row_of(kind->type).bytes;
  const auto bytes = static_cast<std::int64_t>(file.bytes().size());
  const auto header = static_cast<std::int64_t>(kLlmcHeaderBytes);
  check(count >= 0 && bytes == header + count * width, ErrorKind::Data, path, ": ", count,
        " ids of ", width, " bytes must stand behind the header of ", header,
        " bytes, found a file of ", bytes, " bytes");
  return {TokenFormat::LlmC, kind->type, header, count, std::nullopt};
}

TokenLayout indexed_layout(std::int64_t bytes, const fs::path& path, TokenFormat format) {
  const fs::path beside = index_path(path);
  check(is_there(beside), ErrorKind::Data, path.string(), ": ids of format ", name_of(format),
        " must have their index beside them, found no ",
        beside.empty() ? "FILE.idx of a FILE.bin" : beside.string());
  const TokenIndex index = read_token_index(MappedFile(beside), beside.string(), bytes);
  return {index.format, index.type, 0, index.num_tokens, index};
}

}  // namespace

const IdTypeRow& row_of(IdType type) { return config::row_of(kIdTypes, type); }

fs::path index_path(const fs::path& path) {
  return path.extension() == ".bin" ? fs::path(path).replace_extension(".idx") : fs::path();
}

TokenLayout read_token_layout(const MappedFile& file, const fs::path& path, TokenFormat format) {
  const auto bytes = static_cast<std::int64_t>(file.bytes().size());
  const TokenFormat read_as = format == TokenFormat::Auto ? format_by_content(file, path) : format;
  TokenLayout layout;
  if (read_as == TokenFormat::NanoGpt)
    layout = plain_layout(bytes, path.string());
  else if (read_as == TokenFormat::LlmC)
    layout = llmc_layout(file, path.string());
  else
    layout = indexed_layout(bytes, path, read_as);
  check(format == TokenFormat::Auto || layout.format == format, ErrorKind::Data, path.string(),
        ": the index beside it must be of format ", name_of(format), ", found one of ",
        name_of(layout.format));
  check(layout.num_tokens > 0, ErrorKind::Data, path.string(),
        ": must hold at least one token id, found none");
  return layout;
}

bool names_format(const fs::path& path) {
  if (is_there(index_path(path))) return true;
  std::array<char, sizeof(std::int32_t)> beginning{};
  std::int32_t magic = 0;
  if (FileReader(path).read(beginning) == beginning.size())
    std::memcpy(&magic, beginning.data(), sizeof magic);
  return is_llmc(magic);
}

void widen(const std::byte* ids, IdType type, std::int64_t begin, std::int64_t count,
           std::int64_t* out) {
  const auto copy = [&]<class Id>(Id) {
    std::copy_n(reinterpret_cast<const Id*>(ids) + begin, count, out);
  };
  switch (type) {
    case IdType::UInt8:
      return copy(std::uint8_t{});
    case IdType::Int8:
      return copy(std::int8_t{});
    case IdType::UInt16:
      return copy(std::uint16_t{});
    case IdType::Int16:
      return copy(std::int16_t{});
    case IdType::UInt32:
      return copy(std::uint32_t{});
    case IdType::Int32:
      return copy(std::int32_t{});
    case IdType::UInt64:
      return copy(std::uint64_t{});
    case IdType::Int64:
      return copy(std::int64_t{});
  }
  unreachable();
}

}  // namespace longspan
