// What goes into a safetensors file comes out again; the layout of the bytes; failures of the disk.
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cstring>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/json.h"
#include "unit/checkpoint/checkpoint_cases.h"

namespace longspan::testing {
namespace {

NamedTensors tensors_of_all_types() {
  NamedTensors tensors;
  for (const auto type : {at::kBool, at::kDouble, at::kChar, at::kFloat, at::kHalf, at::kByte,
                          at::kBFloat16, at::kLong, at::kShort, at::kInt}) {
    tensors.push_back({concat("t.", type), at::arange(0, 6, at::kFloat).reshape({3, 2}).to(type)});
  }
  tensors.push_back({"scalar", at::full({}, 2.5)});
  tensors.push_back({"none", at::zeros({4, 0, 3})});
  tensors.push_back({"turned", at::arange(0, 15, at::kFloat).reshape({5, 3}).t()});
  return tensors;
}

TEST_CASE("tensors of every type and shape come back with the same bits, in order") {
  const TemporaryFolder folder;
  const NamedTensors tensors = tensors_of_all_types();
  write_safetensors(folder.path() / "a.safetensors", tensors, {{"note", "caf\xc3\xa9 \"q\""}});
  CHECK(equal(read_safetensors(folder.path() / "a.safetensors"), tensors));
}

TEST_CASE("a file without tensors is a file") {
  const TemporaryFolder folder;
  write_safetensors(folder.path() / "a.safetensors", {});
  CHECK(read_safetensors(folder.path() / "a.safetensors").empty());
}

TEST_CASE("the bytes are laid out as the format says") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.safetensors";
  write_safetensors(path, {{"b", at::full({3}, 7, at::kByte)}, {"a", at::full({1, 2}, 1.0f)}},
                    {{"format", "pt"}});
  const std::string file = read_file(path);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  CHECK((8 + length) % 64 == 0);
  CHECK(file.size() == 8 + length + 3 + 8);
  const Json header = parse_json(file.substr(8, length), "header");
  CHECK(header == Json::parse(R"({"__metadata__": {"format": "pt"},
      "b": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
      "a": {"dtype": "F32", "shape": [1, 2], "data_offsets": [3, 11]}})"));
  CHECK(file.substr(8 + length, 3) == "\7\7\7");
}

TEST_CASE("tensors of a file own their memory") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.safetensors";
  write_safetensors(path, {{"a", at::full({4}, 3.0)}});
  const NamedTensors tensors = read_safetensors(path);
  std::filesystem::remove(path);
  tensors[0].tensor.add_(1.0);
  CHECK(tensors[0].tensor.equal(at::full({4}, 4.0)));
}

TEST_CASE("a type that the format lacks and a repeated name are our own bugs") {
  const TemporaryFolder folder;
  const auto kind_of = [&](const NamedTensors& tensors) {
    try {
      write_safetensors(folder.path() / "a.safetensors", tensors);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::Io;
  };
  CHECK(kind_of({{"a", at::ones({2}, at::kComplexFloat)}}) == ErrorKind::Internal);
  CHECK(kind_of({{"a", at::ones({2})}, {"a", at::ones({3})}}) == ErrorKind::Internal);
  CHECK(kind_of({{"__metadata__", at::ones({2})}}) == ErrorKind::Internal);
}

TEST_CASE("a full disk, a missing folder and a missing file are errors that name the path") {
  check_refused(
      [] {
        write_safetensors("/dev/full", {{"a", at::ones({64})}});
      },
      {"/dev/full: cannot write"});
  const TemporaryFolder folder;
  const auto inside = folder.path() / "none" / "a.safetensors";
  check_refused(
      [&] {
        write_safetensors(inside, {{"a", at::ones({2})}});
      },
      {inside.string(), "No such file"});
  check_refused([&] { read_safetensors(inside); }, {inside.string(), "No such file"});
  check_refused([&] { read_safetensors(folder.path()); }, {folder.path().string(), "regular file"});
}

}  // namespace
}  // namespace longspan::testing
