// Reads event files back with a reader of its own: bitwise checksums and a small protobuf parser.
#include "train/tfevents.h"

#include <algorithm>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

#include "longspan/core/error.h"
#include "support/temporary_folder.h"

namespace longspan {
namespace {

using testing::TemporaryFolder;

std::uint32_t crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return crc ^ 0xFFFFFFFFu;
}

std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; }

template <class Value>
Value take(std::string_view& bytes) {
  REQUIRE(bytes.size() >= sizeof(Value));
  Value value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<unsigned char>(bytes);
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
}

// The fields of a protobuf message by number; the payload's bytes, or the number of a varint as 8
// bytes.
using Message = std::map<unsigned, std::string>;
Message parse_message(std::string_view bytes) {
  Message message;
  while (!bytes.empty()) {
    const std::uint64_t key = take_varint(bytes);
    std::string& payload = message[static_cast<unsigned>(key >> 3)];
    std::size_t size = 0;
    switch (key & 7) {
      case 0: {
        const std::uint64_t value = take_varint(bytes);
        payload.assign(reinterpret_cast<const char*>(&value), sizeof value);
        continue;
      }
      case 1:
        size = 8;
        break;
      case 2:
        size = take_varint(bytes);
        break;
      case 5:
        size = 4;
        break;
      default:
        FAIL("unknown wire type " << (key & 7));
    }
    REQUIRE(bytes.size() >= size);
    payload = bytes.substr(0, size);
    bytes.remove_prefix(size);
  }
  return message;
}

template <class Value>
Value as(std::string_view payload) {
  REQUIRE(payload.size() == sizeof(Value));
  return take<Value>(payload);
}

std::vector<Message> read_events(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  std::string_view rest = content;
  std::vector<Message> events;
  while (!rest.empty()) {
    const std::string_view head = rest.substr(0, 8);
    const auto size = take<std::uint64_t>(rest);
    CHECK(take<std::uint32_t>(rest) == masked(crc32c(head)));
    REQUIRE(rest.size() >= size + 4);
    const std::string_view event = rest.substr(0, size);
    rest.remove_prefix(size);
    CHECK(take<std::uint32_t>(rest) == masked(crc32c(event)));
    events.push_back(parse_message(event));
  }
  return events;
}

struct Point {
  std::string tag;
  float value;
  std::int64_t step;
};

Point point_of(const Message& event) {
  const Message value = parse_message(parse_message(event.at(5)).at(1));
  return {value.at(1), as<float>(value.at(2)), as<std::int64_t>(event.at(2))};
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files.push_back(entry.path());
  return files;
}

TEST_CASE("the checksum of the reader is CRC-32C") { CHECK(crc32c("123456789") == 0xE3069283u); }

TEST_CASE("an event file holds its version and then each scalar with tag, value and step") {
  const TemporaryFolder folder;
  TensorBoardWriter writer(folder.path());
  const std::string long_tag(300, 'x');  // its length needs two bytes
  writer.scalar("train/loss", 3.25, 7);
  writer.scalar("extrapolation/ppl@1024", std::numeric_limits<double>::infinity(), 3000000000);
  writer.scalar(long_tag, -0.1, 0);
  writer.flush();

  const auto files = files_in(folder.path());
  REQUIRE(files.size() == 1);
  CHECK(files.front().filename().string().starts_with("events.out.tfevents.1"));
  const std::vector<Message> events = read_events(files.front());
  REQUIRE(events.size() == 4);
  CHECK(events[0].at(3) == "brain.Event:2");
  for (const Message& event : events) CHECK(as<double>(event.at(1)) > 1.5e9);

  const std::vector<Point> points{point_of(events[1]), point_of(events[2]), point_of(events[3])};
  CHECK(points[0].tag == "train/loss");
  CHECK(points[0].value == 3.25f);
  CHECK(points[0].step == 7);
  CHECK(points[1].tag == "extrapolation/ppl@1024");
  CHECK(points[1].value == std::numeric_limits<float>::infinity());
  CHECK(points[1].step == 3000000000);
  CHECK(points[2].tag == long_tag);
  CHECK(points[2].value == -0.1f);
  CHECK(points[2].step == 0);
}

TEST_CASE("a second writer in the same folder starts a new file that sorts behind the first") {
  const TemporaryFolder folder;
  TensorBoardWriter(folder.path()).scalar("a", 1.0, 1);  // never flushed
  TensorBoardWriter second(folder.path());
  second.scalar("a", 2.0, 2);
  second.flush();
  auto files = files_in(folder.path());
  REQUIRE(files.size() == 2);
  std::sort(files.begin(), files.end());
  CHECK(read_events(files[0]).size() == 1);
  REQUIRE(read_events(files[1]).size() == 2);
  CHECK(point_of(read_events(files[1])[1]).step == 2);
}

TEST_CASE("an event file in a folder that is not there is an Io error that names the file") {
  const TemporaryFolder folder;
  const auto missing = folder.path() / "missing";
  try {
    TensorBoardWriter writer(missing);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Io);
    CHECK(std::string(error.what()).starts_with((missing / "events.out.tfevents.").string()));
  }
}

}  // namespace
}  // namespace longspan
