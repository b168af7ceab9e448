// The part of the zip format that PyTorch writes: stored entries, whose local headers may lack the
// sizes. Layout: PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16.

#include "interop/zip.h"

#include <cstdint>

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

constexpr std::uint64_t kLocalHeader = 0x04034b50, kCentralEntry = 0x02014b50, kEnd = 0x06054b50,
                        kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr std::size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56,
                      kLocatorBytes = 20;
constexpr std::size_t kMaxComment = 65535;
constexpr std::uint64_t kIn64 = 0xffffffff;  // a field of this value stands in the zip64 extra
constexpr std::uint64_t kZip64Extra = 1;

// Reads little-endian numbers of a file, each within its bounds.
class Fields {
 public:
  Fields(std::string_view file, const std::string& source) : file_(file), source_(source) {}

  std::uint64_t number(std::uint64_t at, std::size_t size) const {
    const std::string_view bytes = slice(at, size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
  }
  std::string_view slice(std::uint64_t at, std::uint64_t size) const {
    demand(at <= file_.size() && size <= file_.size() - at, at, "the archive must not end within ",
           size, " bytes from here, the file has ", file_.size());
    return file_.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(size));
  }
  template <class... Parts>
  void demand(bool ok, std::uint64_t at, const Parts&... parts) const {
    check(ok, ErrorKind::Data, source_, ": byte ", at, ": ", parts...);
  }
  std::string_view file() const { return file_; }

 private:
  std::string_view file_;
  const std::string& source_;
};

struct Directory {
  std::uint64_t begin = 0, num_entries = 0;
};

struct Entry {
  std::string name;
  std::uint64_t method = 0, flags = 0, packed_bytes = 0, bytes = 0, local_at = 0, end = 0;
};

std::uint64_t find_end(const Fields& fields) {
  const std::string_view file = fields.file();
  const std::size_t reach = kEndBytes + kMaxComment;
  const std::size_t from = file.size() > reach ? file.size() - reach : 0;
  const std::size_t at = file.rfind("PK\x05\x06");
  fields.demand(at != std::string_view::npos && at >= from && file.size() - at >= kEndBytes,
                file.size(),
                "a zip archive must end with its directory, found none; the file is "
                "truncated or damaged");
  return at;
}

Directory find_directory(const Fields& fields) {
  const std::uint64_t end = find_end(fields);
  Directory result{fields.number(end + 16, 4), fields.number(end + 10, 2)};
  if (end < kLocatorBytes || fields.number(end - kLocatorBytes, 4) != kEnd64Locator) return result;
  const std::uint64_t end64 = fields.number(end - kLocatorBytes + 8, 8);
  fields.slice(end64, kEnd64Bytes);
  fields.demand(fields.number(end64, 4) == kEnd64, end64, "a zip64 directory must end here");
  return {fields.number(end64 + 48, 8), fields.number(end64 + 32, 8)};
}

// Sizes and offset that do not fit 4 bytes stand in an extra field, in this order.
void read_zip64(const Fields& fields, std::uint64_t at, std::uint64_t size, Entry& entry) {
  const std::uint64_t end = at + size;
  while (at + 4 <= end) {
    const std::uint64_t tag = fields.number(at, 2);
    const std::uint64_t field_end = at + 4 + fields.number(at + 2, 2);
    at += 4;
    for (std::uint64_t* value : {&entry.bytes, &entry.packed_bytes, &entry.local_at}) {
      if (tag != kZip64Extra || *value != kIn64) continue;
      fields.demand(at + 8 <= field_end && field_end <= end, at, "a zip64 field is missing");
      *value = fields.number(at, 8);
      at += 8;
    }
    at = field_end;
  }
}

Entry read_entry(const Fields& fields, std::uint64_t at) {
  fields.slice(at, kCentralBytes);
  fields.demand(fields.number(at, 4) == kCentralEntry, at,
                "an entry of the archive's directory must begin here");
  const std::uint64_t name_bytes = fields.number(at + 28, 2);
  const std::uint64_t extra_bytes = fields.number(at + 30, 2);
  const std::uint64_t name_at = at + kCentralBytes;
  Entry entry;
  entry.name = fields.slice(name_at, name_bytes);
  entry.flags = fields.number(at + 8, 2);
  entry.method = fields.number(at + 10, 2);
  entry.packed_bytes = fields.number(at + 20, 4);
  entry.bytes = fields.number(at + 24, 4);
  entry.local_at = fields.number(at + 42, 4);
  fields.slice(name_at + name_bytes, extra_bytes);
  read_zip64(fields, name_at + name_bytes, extra_bytes, entry);
  entry.end = name_at + name_bytes + extra_bytes + fields.number(at + 32, 2);
  return entry;
}

std::string_view content_of(const Fields& fields, const Entry& entry, std::uint64_t at) {
  constexpr std::uint64_t kEncrypted = 1;
  fields.demand(
      entry.method == 0 && entry.packed_bytes == entry.bytes && (entry.flags & kEncrypted) == 0, at,
      "entries must be stored, not compressed or encrypted, got method ", entry.method, " for ",
      entry.bytes, " bytes in ", entry.packed_bytes);
  fields.slice(entry.local_at, kLocalBytes);
  fields.demand(fields.number(entry.local_at, 4) == kLocalHeader, entry.local_at,
                "an entry of the archive must begin here");
  const std::uint64_t begin = entry.local_at + kLocalBytes + fields.number(entry.local_at + 26, 2) +
                              fields.number(entry.local_at + 28, 2);
  return fields.slice(begin, entry.bytes);
}

}  // namespace

std::map<std::string, std::string_view> read_zip(std::string_view file, const std::string& source) {
  const Fields fields(file, source);
  const Directory directory = find_directory(fields);
  std::map<std::string, std::string_view> contents;
  std::uint64_t at = directory.begin;
  for (std::uint64_t i = 0; i < directory.num_entries; ++i) {
    const Entry entry = read_entry(fields, at);
    const bool is_new = contents.emplace(entry.name, content_of(fields, entry, at)).second;
    fields.demand(is_new, at, "an entry's name must stand once in the archive");
    at = entry.end;
  }
  return contents;
}

}  // namespace longspan::interop
