// Reads event files back with a reader of its own: bitwise checksums and a small protobuf parser.
#include "train/tfevents.h"

#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
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

TEST_CASE("an event file holds its version, a session's start and each scalar") {
  const TemporaryFolder folder;
  TensorBoardWriter writer(folder.path(), 7);
  const std::string long_tag(300, 'x');  // its length needs two bytes
  writer.scalar("train/loss", 3.25, 7);
  writer.scalar("extrapolation/ppl@1024", std::numeric_limits<double>::infinity(), 3000000000);
  writer.scalar(long_tag, -0.1, 0);
  writer.flush();

  const auto files = files_in(folder.path());
  REQUIRE(files.size() == 1);
  CHECK(files.front().filename().string().starts_with("events.out.tfevents.1"));
  const std::vector<Message> events = read_events(files.front());
  REQUIRE(events.size() == 5);
  CHECK(events[0].at(3) == "brain.Event:2");
  CHECK(as<std::int64_t>(events[1].at(2)) == 7);
  CHECK(as<std::int64_t>(parse_message(events[1].at(7)).at(1)) == 1);  // START
  for (const Message& event : events) CHECK(as<double>(event.at(1)) > 1.5e9);

  const std::vector<Point> points{point_of(events[2]), point_of(events[3]), point_of(events[4])};
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
  TensorBoardWriter(folder.path(), 1).scalar("a", 1.0, 1);  // never flushed
  TensorBoardWriter second(folder.path(), 2);
  second.scalar("a", 2.0, 2);
  second.flush();
  auto files = files_in(folder.path());
  REQUIRE(files.size() == 2);
  std::sort(files.begin(), files.end());
  CHECK(read_events(files[0]).size() == 2);
  REQUIRE(read_events(files[1]).size() == 3);
  CHECK(point_of(read_events(files[1])[2]).step == 2);
}

// As TensorBoard joins the files of a folder: in the order of their names, and each start of a
// session drops the points from its step on.
std::vector<std::int64_t> steps_shown(const std::filesystem::path& folder) {
  auto files = files_in(folder);
  std::sort(files.begin(), files.end());
  std::vector<std::int64_t> steps;
  for (const auto& file : files)
    for (const Message& event : read_events(file)) {
      if (event.contains(7))
        std::erase_if(steps, [&](auto step) { return step >= as<std::int64_t>(event.at(2)); });
      if (event.contains(5)) steps.push_back(point_of(event).step);
    }
  return steps;
}

TEST_CASE("points that a killed session left behind its last checkpoint are shown once") {
  const TemporaryFolder folder;
  const auto write = [&](std::int64_t first, std::int64_t last) {
    TensorBoardWriter writer(folder.path(), first);
    for (std::int64_t step = first; step <= last; ++step) writer.scalar("a", 0.0, step);
    writer.flush();
  };
  write(1, 5);
  write(4, 6);  // from the checkpoint of step 3
  write(4, 7);  // killed before the next one, on a machine whose clock may say anything
  CHECK(steps_shown(folder.path()) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE("a file is named behind those that are there even when the clock went back") {
  const TemporaryFolder folder;
  const auto future = folder.path() / "events.out.tfevents.9000000000.host.1.0";
  write_file_durably(future, "");
  const TensorBoardWriter writer(folder.path(), 1);
  const auto files = files_in(folder.path());
  REQUIRE(files.size() == 2);
  CHECK(*std::max_element(files.begin(), files.end()) != future);
}

TEST_CASE("a file that cannot be begun is not left behind") {
  const TemporaryFolder folder;
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit limit{10, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  CHECK_THROWS_AS(TensorBoardWriter(folder.path(), 1), Error);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  CHECK(files_in(folder.path()).empty());
}

TEST_CASE("an event file in a folder that is not there is an Io error that names the file") {
  const TemporaryFolder folder;
  const auto missing = folder.path() / "missing";
  try {
    TensorBoardWriter writer(missing, 1);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Io);
    CHECK(std::string(error.what()).starts_with((missing / "events.out.tfevents.").string()));
  }
}

}  // namespace
}  // namespace longspan
