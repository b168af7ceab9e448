// PyTorch's two containers: what comes out, and that what lies in them is refused.

#include "interop/torch_file.h"

#include "longspan/core/error.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"
#include "unit/interop/torch_writer.h"

namespace longspan::interop {
namespace {

using Catch::Matchers::ContainsSubstring;
using namespace longspan::testing;

const std::vector<float> kValues{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

class File {
 public:
  explicit File(const std::string& bytes) { write_file_durably(path(), bytes); }
  std::filesystem::path path() const { return folder_.path() / "file.pt"; }

 private:
  TemporaryFolder folder_;
};

at::Tensor only_tensor(const std::string& bytes) {
  const File file(bytes);
  TorchFile opened(file.path());
  return opened.tensor(opened.root(), "w");
}

std::string refusal(const std::string& bytes) {
  try {
    only_tensor(bytes);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    CHECK_THAT(error.what(), ContainsSubstring("file.pt: "));
    return error.what();
  }
  return "nothing was refused";
}

std::string matrix(const std::string& sizes, const std::string& strides, std::int64_t offset = 0,
                   std::int64_t num_elements = 12) {
  return tensor("k", {"FloatStorage", num_elements, offset, sizes, strides});
}

TEST_CASE("torch file: a tensor of both containers, at an offset and with strides") {
  const std::string plain = matrix(numbers({3, 4}), numbers({4, 1}));
  const std::string turned = matrix(numbers({2, 3}), numbers({1, 4}), 1);
  const Storages storages{{"k", raw(kValues)}};
  for (const auto write : {+[](const std::string&o, const Storages&s) { return zip_file(o, s); },
                           +[](const std::string&o, const Storages&s) { return old_file(o, s); }}) {
    CHECK(only_tensor(write(plain, storages)).equal(at::arange(12, at::kFloat).view({3, 4})));
    CHECK(only_tensor(write(turned, storages))
              .equal(at::tensor({1, 5, 9, 2, 6, 10}, at::kFloat).view({2, 3})));
    CHECK(only_tensor(write(matrix(")", ")", 7), storages)).equal(at::scalar_tensor(7.0f)));
    const std::string parameter =
        call(class_name("torch._utils", "_rebuild_parameter"), tuple(plain + boolean(1) + "N"));
    CHECK(only_tensor(write(parameter, storages)).sizes() == at::IntArrayRef({3, 4}));
  }
}

TEST_CASE("torch file: every type of storage") {
  const auto one = [](const std::string& type, const std::string& bytes, std::int64_t count) {
    return only_tensor(
        zip_file(tensor("0", {type, count, 0, numbers({count}), numbers({1})}), {{"0", bytes}}));
  };
  CHECK(one("DoubleStorage", raw<double>({1, 2}), 2).equal(at::tensor({1.0, 2.0}, at::kDouble)));
  CHECK(one("LongStorage", raw<std::int64_t>({-1, 2}), 2).equal(at::tensor({-1, 2}, at::kLong)));
  CHECK(one("IntStorage", raw<std::int32_t>({-1, 2}), 2).equal(at::tensor({-1, 2}, at::kInt)));
  CHECK(one("HalfStorage", raw<std::uint16_t>({0x3c00, 0xc000}), 2)
            .equal(at::tensor({1.0, -2.0}, at::kFloat).to(at::kHalf)));
  CHECK(one("BFloat16Storage", raw<std::uint16_t>({0x3f80, 0xc000}), 2)
            .equal(at::tensor({1.0, -2.0}, at::kFloat).to(at::kBFloat16)));
  CHECK_THAT(
      refusal(
          zip_file(tensor("0", {"QInt8Storage", 1, 0, numbers({1}), numbers({1})}), {{"0", "1"}})),
      ContainsSubstring("w must be Float, Half, BFloat16, Double, Long, Int, Byte or Bool, got "
                        "torch.QInt8Storage"));
}

TEST_CASE("torch file: a tensor beyond its storage is refused") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  const auto says = [](const std::string& sizes, const std::string& strides, std::int64_t offset) {
    CHECK_THAT(refusal(zip_file(matrix(sizes, strides, offset), {{"k", raw(kValues)}})),
               ContainsSubstring("w must have elements and lie within its storage of 12"));
  };
  says(numbers({13}), numbers({1}), 0);
  says(numbers({12}), numbers({1}), 1);
  says(numbers({1}), numbers({1}), 12);
  says(numbers({1}), numbers({1}), kHuge);
  says(numbers({4, 4}), numbers({4, 1}), 0);
  says(numbers({2}), numbers({kHuge}), 0);
  says(numbers({2, 2}), numbers({kHuge, kHuge}), 0);
  says(numbers({kHuge, kHuge}), numbers({0, 0}), 0);
  says(numbers({13}), numbers({0}), 0);
  says(numbers({0}), numbers({1}), 0);
  const auto malformed = [](const std::string& sizes, const std::string& strides) {
    CHECK_THAT(refusal(zip_file(matrix(sizes, strides), {{"k", raw(kValues)}})),
               ContainsSubstring("a tensor must have a storage, an offset, sizes and strides"));
  };
  malformed(numbers({2}), numbers({-1}));
  malformed(numbers({-2}), numbers({1}));
  malformed(numbers({2, 2}), numbers({1}));
  malformed("N", numbers({1}));
  malformed(numbers(std::vector<std::int64_t>(9, 1)), numbers(std::vector<std::int64_t>(9, 1)));
}

TEST_CASE("torch file: a storage of another size, or none, is refused") {
  const std::string object = matrix(numbers({2}), numbers({1}));
  const std::string bytes = raw(kValues);
  CHECK_THAT(refusal(zip_file(object, {{"k", bytes.substr(4)}})),
             ContainsSubstring("its storage must have 12 elements of 4 bytes, got 44 bytes"));
  CHECK_THAT(refusal(zip_file(object, {{"k", bytes + "x"}})), ContainsSubstring("got 49 bytes"));
  CHECK_THAT(refusal(zip_file(object, {{"other", bytes}})),
             ContainsSubstring("its storage must be in the file"));
  CHECK_THAT(refusal(old_file(object, {{"k", bytes.substr(4)}})),
             ContainsSubstring("got 44 bytes"));
  CHECK_THAT(refusal(old_file(object, {{"k", bytes}, {"z", bytes}})),
             ContainsSubstring("a storage must be used by a tensor, got key 'z'"));
  CHECK_THAT(refusal(old_file(object, {})), ContainsSubstring("its storage must be in the file"));
  CHECK_THAT(refusal(zip_file("N", {})), ContainsSubstring("w must be a tensor, got None"));
}

void check_growth_refused(std::int64_t stride) {
  std::string items;
  for (int i = 0; i < 100; ++i) items += matrix(numbers({1000}), numbers({stride}), 0, 1000);
  const File file(zip_file(list(items), {{"k", raw(std::vector<float>(1000, 1.0f))}}));
  TorchFile opened(file.path());
  std::string error;
  try {
    for (const PickleId id : opened.root().items) opened.tensor(opened.pickle().node(id), "w");
  } catch (const Error& refused) {
    error = refused.what();
  }
  CHECK_THAT(error, ContainsSubstring("more than 4 times the bytes of the file"));
}

TEST_CASE("torch file: one storage cannot be copied without end") {
  check_growth_refused(1);
  check_growth_refused(0);
}

TEST_CASE("torch file: both containers cut at any byte are refused") {
  const std::string object = matrix(numbers({3, 4}), numbers({4, 1}));
  for (const std::string& whole :
       {zip_file(object, {{"k", raw(kValues)}}), old_file(object, {{"k", raw(kValues)}})}) {
    CHECK_NOTHROW(only_tensor(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      INFO("cut to " << size << " of " << whole.size());
      CHECK_THAT(refusal(whole.substr(0, size)), ContainsSubstring("must"));
    }
  }
}

TEST_CASE("torch file: a changed byte is read or refused, never worse") {
  const std::string object = matrix(numbers({2}), numbers({1}));
  for (const std::string& whole :
       {zip_file(object, {{"k", raw(kValues)}}), old_file(object, {{"k", raw(kValues)}})}) {
    const TemporaryFolder folder;
    const auto path = folder.path() / "file.pt";
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (const int change : {0x01, 0x80, 0xff}) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ change);
        FileWriter writer(path);
        writer.write(changed);
        writer.flush();
        try {
          TorchFile opened(path);
          opened.tensor(opened.root(), "w");
        } catch (const Error& error) {
          if (error.kind() != ErrorKind::Data) FAIL(error.what());
        }
      }
  }
}

TEST_CASE("torch file: archives that PyTorch does not write are refused") {
  const std::string object = pickle(matrix(numbers({2}), numbers({1})));
  const auto archive = [&](ZipEntry data, const std::vector<ZipEntry>& more = {}) {
    std::vector<ZipEntry> entries{{"a/data.pkl", object}, std::move(data)};
    entries.insert(entries.end(), more.begin(), more.end());
    return zip_archive(entries);
  };
  const std::string bytes = raw(kValues);
  CHECK_NOTHROW(only_tensor(archive({"a/data/k", bytes})));
  CHECK_NOTHROW(only_tensor(archive({"a/data/k", bytes, 0, -1, true})));
  CHECK_NOTHROW(only_tensor(archive({"a/data/k", bytes}, {{"a/byteorder", "little"}})));
  CHECK_THAT(refusal(archive({"a/data/k", bytes}, {{"a/byteorder", "big"}})),
             ContainsSubstring("byteorder must be little"));
  CHECK_THAT(refusal(archive({"a/data/k", bytes, 8})),
             ContainsSubstring("must be stored, not compressed or encrypted, got method 8"));
  CHECK_THAT(refusal(archive({"a/data/k", bytes, 0, 1 << 30})),
             ContainsSubstring("must not end within 1073741824 bytes from here"));
  CHECK_THAT(refusal(archive({"a/data/k", bytes, 0, std::int64_t{1} << 62, true})),
             ContainsSubstring("must not end within"));
  CHECK_THAT(refusal(archive({"a/data/k", bytes}, {{"a/data/k", bytes}})),
             ContainsSubstring("must stand once"));
  CHECK_THAT(refusal(archive({"a/data/k", bytes}, {{"b/data.pkl", object}})),
             ContainsSubstring("must hold one data.pkl, got two"));
  CHECK_THAT(refusal(zip_archive({{"a/weights", bytes}})), ContainsSubstring("has no data.pkl"));
}

TEST_CASE("torch file: what is no checkpoint at all is refused") {
  CHECK_THAT(refusal("hello"), ContainsSubstring("must be a PyTorch checkpoint"));
  CHECK_THAT(refusal(""), ContainsSubstring("an empty file"));
  CHECK_THAT(refusal("PK\x03\x04 and no more"), ContainsSubstring("truncated or damaged"));
  CHECK_THAT(refusal(pickle("N")), ContainsSubstring("magic number, got None"));
  CHECK_THAT(refusal(magic_pickle() + pickle("K\1")), ContainsSubstring("must be 1001, got 1"));
  CHECK_THAT(refusal(magic_pickle() + pickle("M\xe9\x03") + system_pickle(0)),
             ContainsSubstring("little_endian must be True"));
  const TemporaryFolder folder;
  try {
    TorchFile(folder.path() / "absent.pt");
    FAIL("an absent file was read");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    CHECK_THAT(error.what(), ContainsSubstring("absent.pt"));
  }
}

}  // namespace
}  // namespace longspan::interop
