// TensorBoard event files without protobuf: records of (length, its checksum, Event, its checksum),
// little-endian. Of the message Event only wall_time (field 1), step (2), file_version (3), summary
// (5) and session_log (7) are written, coded by hand.
#include "train/tfevents.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <charconv>
#include <chrono>

#include "longspan/core/error.h"

namespace longspan {
namespace {

// A field's key byte: its number and how it is coded.
enum Wire : unsigned { Varint = 0, Fixed64 = 1, LengthDelimited = 2, Fixed32 = 5 };
constexpr char key(unsigned field, Wire wire) { return static_cast<char>(field << 3 | wire); }

// CRC-32C, reflected polynomial.
constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0u);
    table[byte] = crc;
  }
  return table;
}();

// Masked, as the format wants it: a checksum of bytes that contain checksums would be weak.
std::uint32_t masked_crc(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes)
    crc = kCrcTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF] ^ (crc >> 8);
  return std::rotr(~crc, 15) + 0xA282EAD8u;
}

template <class Value>
std::string little_endian(Value value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i)
    bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes += static_cast<char>(value);
}

std::string length_delimited(unsigned field, std::string_view body) {
  return key(field, LengthDelimited) + varint(body.size()).append(body);
}

std::string wall_time() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return key(1, Fixed64) + little_endian(std::bit_cast<std::uint64_t>(now.count()));
}

std::string step_field(std::int64_t step) {
  return key(2, Varint) + varint(static_cast<std::uint64_t>(step));
}

constexpr std::string_view kPrefix = "events.out.tfevents.";

// The seconds in the name of the last file of a folder; 0 where there is none.
std::int64_t last_seconds(const std::filesystem::path& folder) {
  std::int64_t last = 0;
  std::error_code failure;  // of a folder that is not there, told when a file is made in it
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t seconds = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), seconds);
    last = std::max(last, seconds);
  }
  return last;
}

std::filesystem::path new_file(const std::filesystem::path& folder) {
  static std::atomic<unsigned> count{0};
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') host = {"host"};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::max<std::int64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now).count(), last_seconds(folder) + 1);
  return folder / concat(kPrefix, seconds, ".", host.data(), ".", ::getpid(), ".", count++);
}

}  // namespace

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder, std::int64_t first_step)
    : path_(new_file(folder)), file_(path_) {
  write_record(wall_time() + length_delimited(3, "brain.Event:2"));
  const std::string start = key(1, Varint) + varint(1);  // SessionLog.status: START
  write_record(wall_time() + step_field(first_step) + length_delimited(7, start));
  try {
    flush();
  } catch (...) {
    ::unlink(path_.c_str());  // tried again and again on a full disk, it would leave many
    throw;
  }
}

void TensorBoardWriter::scalar(std::string_view tag, double value, std::int64_t step) {
  const std::string number = little_endian(std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  const std::string point = length_delimited(1, tag) + key(2, Fixed32) + number;  // Summary.Value
  write_record(wall_time() + step_field(step) + length_delimited(5, length_delimited(1, point)));
}

void TensorBoardWriter::write_record(const std::string& event) {
  const std::string size = little_endian(static_cast<std::uint64_t>(event.size()));
  file_.write(size + little_endian(masked_crc(size)) + event + little_endian(masked_crc(event)));
}

}  // namespace longspan
