#include "longspan/core/hash.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "support/temporary_folder.h"
#include "unit/core/error_of.h"

namespace longspan {
namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 251);
  return text;
}

// The digests come from the Python package xxhash.
TEST_CASE("digests agree with another implementation") {
  CHECK(hash_of("") == "99aa06d3014798d86001c324468d497f");
  CHECK(hash_of("abc") == "06b05ab6733a618578af5f94892f3950");
  CHECK(hash_of(pattern(1000000)) == "00d4a9d9f77c7d2ddf99c4163891c544");
}

TEST_CASE("so do those of 64 bits") {
  const auto hash = [](std::string_view text) { return hash64_of(std::as_bytes(std::span(text))); };
  CHECK(hash("") == 0x2d06800538d394c2u);
  CHECK(hash("abc") == 0x78af5f94892f3950u);
  CHECK(hash(pattern(1000000)) == 0xdf99c4163891c544u);
}

TEST_CASE("a digest does not depend on how the bytes are cut") {
  const std::string text = pattern(5003);
  for (const std::size_t piece : {1u, 7u, 240u, 256u, 1024u, 4999u}) {
    Hasher hasher;
    for (std::size_t start = 0; start < text.size(); start += piece) {
      hasher.update(std::string_view(text).substr(start, piece));
    }
    CHECK(hasher.digest() == hash_of(text));
  }
}

TEST_CASE("a digest can be asked for on the way and after a move") {
  Hasher first;
  first.update("ab");
  CHECK(first.digest() == hash_of("ab"));
  Hasher second(std::move(first));
  second.update("c");
  CHECK(second.digest() == hash_of("abc"));
}

TEST_CASE("hash_of_file is the hash of the content") {
  const testing::TemporaryFolder folder;
  for (const std::size_t size : {0u, 5u, 2500001u}) {
    write_file_durably(folder.path() / "data", pattern(size));
    CHECK(hash_of_file(folder.path() / "data") == hash_of(pattern(size)));
  }
  const Error missing = testing::error_of([&] { hash_of_file(folder.path() / "absent"); });
  CHECK(missing.kind() == ErrorKind::Io);
  CHECK(missing.what() == concat((folder.path() / "absent").string(),
                                 ": cannot open for reading: No such file or directory"));
  CHECK(testing::error_of([&] { hash_of_file(folder.path()); }).what() ==
        concat(folder.path().string(), ": cannot read: Is a directory"));
}

// From the reference vectors of FNV.
TEST_CASE("stable_hash is FNV-1a") {
  CHECK(stable_hash("") == 0xcbf29ce484222325u);
  CHECK(stable_hash("a") == 0xaf63dc4c8601ec8cu);
  CHECK(stable_hash("foobar") == 0x85944171f73967e8u);
}

}  // namespace
}  // namespace longspan
