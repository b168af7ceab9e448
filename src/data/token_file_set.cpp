// Reads are copies out of the mapping, behind a load that turns what would be a bus error into one
// of ours.
#include "data/token_file_set.h"

#include <algorithm>
#include <utility>

#include "data/blaming.h"
#include "longspan/core/error.h"
#include "longspan/core/hash.h"
#include "longspan/core/progress.h"

namespace longspan {
namespace {

constexpr std::size_t kScanBytes = std::size_t{1} << 20;

template <class Work>
auto blaming_file(const std::filesystem::path& path, const Work& work) {
  return blaming(path, "a file of token ids", "", work);
}

// @param first place in the file of the first of the ids
void check_ids(const TokenFile& file, std::int64_t first, std::span<const std::int64_t> ids,
               std::int64_t vocab_size) {
  const auto is_outside = [&](std::int64_t id) { return id < 0 || id >= vocab_size; };
  const auto [least, most] = std::ranges::minmax(ids);
  if (!is_outside(least) && !is_outside(most)) return;
  const auto found = std::ranges::find_if(ids, is_outside);
  const std::int64_t token = first + (found - ids.begin()),
                     byte = file.layout.begin + token * row_of(file.layout.type).bytes;
  throw Error(
      ErrorKind::Data,
      concat(file.path.string(), ": token ", token, " (byte ", byte, ") must be an id in 0 .. ",
             vocab_size - 1, " of the vocabulary, found ", *found,
             "; is data.tokenizer the one that made the ids, and the format theirs?"));
}

// Reads a file in sequence, so that it does not fill the process's memory as a mapping would.
template <class Take>
std::string read_whole(const std::filesystem::path& path, const Take& take) {
  FileReader reader(path);
  std::vector<char> buffer(kScanBytes);
  Hasher hasher;
  for (std::size_t count = buffer.size(); count == buffer.size();) {
    count = reader.read(buffer);
    const std::span<const char> read(buffer.data(), count);
    hasher.update(std::as_bytes(read));
    take(std::as_bytes(read));
  }
  return hasher.digest();
}

}  // namespace

TokenFile open_token_file(const std::filesystem::path& path, TokenFormat format) {
  return blaming_file(path, [&] {
    auto file = std::make_shared<const MappedFile>(path);
    const TokenLayout layout = read_token_layout(*file, path, format);
    return TokenFile{path, std::move(file), layout, ""};
  });
}

TokenScan scan_token_file(const TokenFile& file, std::int64_t vocab_size) {
  const TokenLayout& layout = file.layout;
  const std::int64_t width = row_of(layout.type).bytes, begin = layout.begin;
  std::vector<std::int64_t> ids;
  std::int64_t place = 0;  // byte of what is taken
  TokenScan scan;
  ByteProgress progress(concat("read ", file.path.filename().string()),
                        begin + layout.num_tokens * width);
  scan.digest = blaming_file(file.path, [&] {
    return read_whole(file.path, [&](std::span<const std::byte> bytes) {
      // kScanBytes and the header are multiples of every width.
      const std::int64_t skipped = std::max<std::int64_t>(0, begin - place),
                         first = (place + skipped - begin) / width,
                         count =
                             std::min((static_cast<std::int64_t>(bytes.size()) - skipped) / width,
                                      layout.num_tokens - first);
      place += static_cast<std::int64_t>(bytes.size());
      progress.add(static_cast<std::int64_t>(bytes.size()));
      if (count <= 0) return;
      ids.resize(static_cast<std::size_t>(count));
      widen(bytes.data() + skipped, layout.type, 0, count, ids.data());
      check_ids(file, first, ids, vocab_size);
      scan.largest_id = std::max(scan.largest_id, std::ranges::max(ids));
    });
  });
  check(place == begin + layout.num_tokens * width, ErrorKind::Data, file.path.string(),
        ": must stay as it is while it is read, had ", begin + layout.num_tokens * width,
        " bytes, has ", place);
  if (layout.index) {
    const auto path = index_path(file.path);
    blaming_file(path, [&] { check_token_index(MappedFile(path), path.string(), *layout.index); });
  }
  return scan;
}

TokenFileSet::TokenFileSet(std::vector<TokenFile> files, std::int64_t vocab_size)
    : files_(std::move(files)), vocab_size_(vocab_size) {
  for (const TokenFile& file : files_) ends_.push_back(size() + file.layout.num_tokens);
}

template <class Action>
void TokenFileSet::for_pieces(std::int64_t begin, std::int64_t count, const Action& action) const {
  auto end = std::ranges::upper_bound(ends_, begin);
  for (; count > 0; ++end) {
    const TokenFile& file = files_[static_cast<std::size_t>(end - ends_.begin())];
    const std::int64_t skipped = begin - (*end - file.layout.num_tokens),
                       taken = std::min(count, *end - begin);
    action(file, skipped, taken);
    begin += taken;
    count -= taken;
  }
}

void TokenFileSet::copy(std::int64_t begin, std::int64_t count, std::int64_t* out) const {
  for_pieces(begin, count, [&](const TokenFile& file, std::int64_t skipped, std::int64_t taken) {
    const IdType type = file.layout.type;
    const std::int64_t width = row_of(type).bytes, first = file.layout.begin;
    blaming_file(file.path, [&] {
      file.file->load(static_cast<std::size_t>(first + skipped * width),
                      static_cast<std::size_t>(taken * width));
    });
    widen(file.file->bytes().data() + first, type, skipped, taken, out);
    check_ids(file, skipped, {out, static_cast<std::size_t>(taken)}, vocab_size_);
    out += taken;
  });
}

std::vector<TokenPlace> TokenFileSet::places(std::int64_t begin, std::int64_t count) const {
  std::vector<TokenPlace> places;
  for_pieces(begin, count, [&](const TokenFile& file, std::int64_t skipped, std::int64_t taken) {
    const std::int64_t width = row_of(file.layout.type).bytes;
    places.push_back({file.path, file.layout.begin + skipped * width, taken, width});
  });
  return places;
}

void TokenFileSet::verify() const {
  for (const TokenFile& file : files_) {
    const std::string found = scan_token_file(file, vocab_size_).digest;
    check(found == file.digest, ErrorKind::Data, file.path.string(),
          ": the file of token ids must be what it was, with the digest ", file.digest, ", found ",
          found);
  }
}

void TokenFileSet::describe_to(Hasher& hasher) const {
  for (const TokenFile& file : files_)
    hasher.update(
        concat(' ', row_of(file.layout.type).name, ' ', file.layout.begin, ' ', file.digest));
}

}  // namespace longspan
