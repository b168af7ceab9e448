// The .idx of Megatron, GPT-NeoX and fairseq: a header of 26 bytes, in Megatron's a second count,
// then a table a column: sizes, places, and in Megatron's the first sequence of each document.
// Nothing in it is aligned.
#include <algorithm>
#include <cstring>
#include <span>

#include "data/token_layout.h"
#include "longspan/core/error.h"

namespace longspan {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kMagic = "MMIDIDX\0\0"sv, kOldMagic = "TNTIDX\0\0"sv,
                           kHuffmanMagic = "HUFFIDX\0"sv;
constexpr std::size_t kCodeAt = 17, kHeaderBytes = 26, kMegatronHeaderBytes = 34;
constexpr std::size_t kSizeBytes = 4, kPlaceBytes = 8, kDocumentBytes = 8;
constexpr std::size_t kEntriesAtOnce = 65536;

template <class Number>
Number number_at(std::span<const std::byte> bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

// The columns of an index, in bytes from its start.
struct Columns {
  std::size_t sizes, places, documents;
};

Columns columns_of(const TokenIndex& index) {
  const std::size_t sizes =
      index.format == TokenFormat::Megatron ? kMegatronHeaderBytes : kHeaderBytes;
  const auto count = static_cast<std::size_t>(index.num_sequences);
  const std::size_t places = sizes + kSizeBytes * count;
  return {sizes, places, places + kPlaceBytes * count};
}

void check_magic(std::span<const std::byte> bytes, const std::string& path) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const auto& [magic, name] : {std::pair{kOldMagic, "fairseq's lazy and cached"sv},
                                    std::pair{kHuffmanMagic, "fairseq's Huffman coded"sv}})
    check(!text.starts_with(magic), ErrorKind::Data, path,
          ": must be an index of memory-mapped ids, found one of ", name,
          " ids; write them with --dataset-impl mmap");
  check(text.starts_with(kMagic), ErrorKind::Data, path,
        ": must be an index of ids, which starts with 'MMIDIDX', found other bytes");
  check(bytes.size() >= kHeaderBytes, ErrorKind::Data, path, ": an index of ids must have ",
        kHeaderBytes, " bytes at least, found ", bytes.size());
}

IdType type_of(std::uint8_t code, const std::string& path) {
  const auto row = std::ranges::find(kIdTypes, code, &IdTypeRow::code);
  check(row != kIdTypes.end(), ErrorKind::Data, path,
        ": the ids must be of a type of integers, found code ", int{code});
  return row->value;
}

// Tells the two kinds of index apart by which of them has the file's size.
void read_counts(std::span<const std::byte> bytes, const std::string& path, TokenIndex& index) {
  constexpr std::size_t kEntryBytes = kSizeBytes + kPlaceBytes;
  const auto count = number_at<std::uint64_t>(bytes, kCodeAt + 1);
  const std::size_t rest = bytes.size() - kHeaderBytes;
  const bool fits = count <= rest / kEntryBytes;
  index.num_sequences = fits ? static_cast<std::int64_t>(count) : 0;
  if (fits && count * kEntryBytes == rest) {
    index.format = TokenFormat::Fairseq;
    return;
  }
  index.format = TokenFormat::Megatron;
  const bool has_second = bytes.size() >= kMegatronHeaderBytes;
  const auto documents = has_second ? number_at<std::uint64_t>(bytes, kHeaderBytes) : 0;
  const std::size_t of_sequences = count * kEntryBytes,
                    left = rest >= of_sequences + 8 ? rest - of_sequences - 8 : 0;
  check(!fits || !has_second || left != documents * kDocumentBytes + count || count == 0,
        ErrorKind::Data, path,
        ": must be an index of text, found one that has a mode for each sequence (multimodal)");
  check(fits && has_second && rest >= of_sequences + 8 && documents <= left / kDocumentBytes &&
            documents * kDocumentBytes == left,
        ErrorKind::Data, path, ": an index of ", count, " sequences must have ", kHeaderBytes,
        " + 12 bytes for each (fairseq), or ", kMegatronHeaderBytes,
        " + 12 for each + 8 for each document (Megatron), found ", bytes.size(), " bytes");
  index.num_documents = static_cast<std::int64_t>(documents);
}

}  // namespace

TokenIndex read_token_index(const MappedFile& index, const std::string& path,
                            std::int64_t ids_bytes) {
  const auto bytes = index.bytes();
  index.load(0, std::min(bytes.size(), kMegatronHeaderBytes));
  check_magic(bytes, path);
  const auto version = number_at<std::uint64_t>(bytes, kMagic.size());
  check(version == 1, ErrorKind::Data, path, ": version must be 1, found ", version);
  TokenIndex header;
  header.type = type_of(number_at<std::uint8_t>(bytes, kCodeAt), path);
  read_counts(bytes, path, header);
  const std::int64_t width = row_of(header.type).bytes;
  std::int64_t end = 0;
  if (header.num_sequences > 0) {
    const auto last = static_cast<std::size_t>(header.num_sequences - 1);
    const Columns columns = columns_of(header);
    const std::size_t size_at = columns.sizes + kSizeBytes * last,
                      place_at = columns.places + kPlaceBytes * last;
    index.load(size_at, kSizeBytes);
    index.load(place_at, kPlaceBytes);
    const auto size = number_at<std::int32_t>(bytes, size_at);
    const auto place = number_at<std::int64_t>(bytes, place_at);
    check(size >= 0 && place >= 0 && place <= ids_bytes, ErrorKind::Data, path,
          ": the last sequence must lie in the ", ids_bytes, " bytes of the ids, found byte ",
          place, " and size ", size);
    end = place + size * width;
  }
  check(end == ids_bytes, ErrorKind::Data, path, ": the last sequence must end with the ids, at ",
        ids_bytes, " bytes, found ", end, "; is it the index of this file?");
  header.num_tokens = ids_bytes / width;
  check(header.num_tokens * width == ids_bytes, ErrorKind::Data, path, ": ids of ", width,
        " bytes must fill the file of ids, found ", ids_bytes, " bytes");
  return header;
}

void check_token_index(const MappedFile& index, const std::string& path, const TokenIndex& header) {
  const auto bytes = index.bytes();
  const Columns columns = columns_of(header);
  const std::int64_t width = row_of(header.type).bytes;
  const auto count = static_cast<std::size_t>(header.num_sequences);
  const std::int64_t end = header.num_tokens * width;
  std::int64_t expected = 0;
  for (std::size_t begin = 0; begin < count; begin += kEntriesAtOnce) {
    const std::size_t some = std::min(kEntriesAtOnce, count - begin);
    index.load(columns.sizes + kSizeBytes * begin, kSizeBytes * some);
    index.load(columns.places + kPlaceBytes * begin, kPlaceBytes * some);
    for (std::size_t i = begin; i < begin + some; ++i) {
      const auto size = number_at<std::int32_t>(bytes, columns.sizes + kSizeBytes * i);
      const auto place = number_at<std::int64_t>(bytes, columns.places + kPlaceBytes * i);
      check(place == expected && size >= 0 && size * width <= end - expected, ErrorKind::Data, path,
            ": sequences must follow one another without a gap: number ", i, " must begin at byte ",
            expected, " and end by byte ", end, ", found byte ", place, " and ", size, " ids");
      expected += size * width;
    }
  }
  std::int64_t before = 0;
  const auto documents = static_cast<std::size_t>(header.num_documents);
  for (std::size_t i = 0; i < documents; ++i) {
    const std::size_t at = columns.documents + kDocumentBytes * i;
    if (i % kEntriesAtOnce == 0)
      index.load(at, kDocumentBytes * std::min(kEntriesAtOnce, documents - i));
    const auto sequence = number_at<std::int64_t>(bytes, at);
    check(sequence >= before && sequence <= header.num_sequences && (i > 0 || sequence == 0),
          ErrorKind::Data, path, ": the document index must rise from 0 to ", header.num_sequences,
          ", found ", sequence, " behind ", before, " at its place ", i);
    before = sequence;
  }
}

std::vector<std::int64_t> document_places(const MappedFile& index, const TokenIndex& header) {
  const auto bytes = index.bytes();
  const Columns columns = columns_of(header);
  index.load(0, bytes.size());
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < static_cast<std::size_t>(header.num_documents); ++i) {
    const auto sequence = number_at<std::int64_t>(bytes, columns.documents + kDocumentBytes * i);
    places.push_back(
        sequence == header.num_sequences
            ? header.num_tokens
            : number_at<std::int64_t>(
                  bytes, columns.places + kPlaceBytes * static_cast<std::size_t>(sequence)) /
                  row_of(header.type).bytes);
  }
  return places;
}

}  // namespace longspan
