// Folders whose weights are pytorch_model.bin, alone or in shards.

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "unit/interop/huggingface_folder.h"
#include "unit/interop/torch_writer.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::HuggingFaceFolder;
using testing::tiny_config;

constexpr char kBin[] = "pytorch_model.bin", kIndex[] = "pytorch_model.bin.index.json";
constexpr char kSafetensors[] = "model.safetensors";

// A state dict in the making: pairs of names and tensors, and their storages.
struct StateDict {
  std::string pairs;
  testing::Storages storages;

  void add(const std::string& name, const at::Tensor& tensor, const char* storage_class) {
    const at::Tensor whole = tensor.contiguous();
    pairs += testing::text(name) + testing::tensor(name, {storage_class, whole.numel(), 0,
                                                          testing::numbers(whole.sizes().vec()),
                                                          testing::numbers(whole.strides().vec())});
    storages[name] = {static_cast<const char*>(whole.const_data_ptr()), whole.nbytes()};
  }
  void add(const NamedTensors& tensors) {
    for (const auto& [name, tensor] : tensors) add(name, tensor, "FloatStorage");
  }
  std::string zip() const { return testing::zip_file(testing::ordered_dict(pairs), storages); }
};

// Takes the safetensors of a folder away. @return what they held
NamedTensors taken(const HuggingFaceFolder& folder) {
  NamedTensors tensors = read_safetensors(folder.path() / kSafetensors);
  fs::remove(folder.path() / kSafetensors);
  return tensors;
}

void write_index(const fs::path& folder, const std::vector<std::string>& files) {
  Json map = Json::object();
  for (const std::string& file : files) map["tensor of " + file] = file;
  write_json(folder / kIndex, Json{{"weight_map", map}});
}

std::string refusal(const fs::path& folder) {
  try {
    import_huggingface(folder);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Data);
    CHECK_THAT(error.what(), ContainsSubstring(folder.string()));
    return error.what();
  }
  return "nothing was refused";
}

void check_same(const PortableModel& got, const PortableModel& wanted) {
  CHECK(got.config_yaml == wanted.config_yaml);
  REQUIRE(got.parameters.size() == wanted.parameters.size());
  for (std::size_t i = 0; i < got.parameters.size(); ++i) {
    CHECK(got.parameters[i].name == wanted.parameters[i].name);
    CHECK(got.parameters[i].tensor.equal(wanted.parameters[i].tensor));
  }
}

TEST_CASE("pytorch folder: the weights of safetensors, bit for bit") {
  for (const auto* architecture : interop::kArchitectures) {
    const HuggingFaceFolder folder(tiny_config(std::string(architecture->model_type)));
    const PortableModel wanted = import_huggingface(folder.path());
    StateDict state;
    state.add(taken(folder));
    write_file_durably(folder.path() / kBin, state.zip());
    check_same(import_huggingface(folder.path()), wanted);
    write_file_durably(folder.path() / kBin,
                       testing::old_file(testing::ordered_dict(state.pairs), state.storages));
    check_same(import_huggingface(folder.path()), wanted);
  }
}

TEST_CASE("pytorch folder: shards that an index names, with copies that are equal") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  const PortableModel wanted = import_huggingface(folder.path());
  const NamedTensors tensors = taken(folder);
  StateDict first, second;
  first.add({tensors.begin(), tensors.begin() + 3});
  second.add({tensors.begin() + 2, tensors.end()});
  write_file_durably(folder.path() / "a.bin", first.zip());
  write_file_durably(folder.path() / "b.bin", second.zip());
  write_index(folder.path(), {"a.bin", "b.bin"});
  check_same(import_huggingface(folder.path()), wanted);
  StateDict other;
  other.add(tensors[2].name, tensors[2].tensor + 1, "FloatStorage");
  write_file_durably(folder.path() / "a.bin", other.zip());
  CHECK_THAT(refusal(folder.path()),
             ContainsSubstring(tensors[2].name + " differs between a.bin and b.bin"));
  write_index(folder.path(), {"c.bin"});
  CHECK_THAT(refusal(folder.path()), ContainsSubstring("got \"c.bin\", which is not there"));
}

TEST_CASE("pytorch folder: safetensors are read where both are there") {
  const HuggingFaceFolder folder(tiny_config("mpt"));
  const PortableModel wanted = import_huggingface(folder.path());
  write_file_durably(folder.path() / kBin, "no checkpoint");
  check_same(import_huggingface(folder.path()), wanted);
}

TEST_CASE("pytorch folder: masks of any type stand beside the weights, but are no weights") {
  const HuggingFaceFolder folder(tiny_config("gpt_neox"));
  const PortableModel wanted = import_huggingface(folder.path());
  const NamedTensors tensors = taken(folder);
  StateDict state;
  state.add(tensors);
  const std::string layer = "gpt_neox.layers.0.attention.";
  state.add(layer + "bias", at::ones({1, 1, 2, 2}, at::kBool), "BoolStorage");
  state.add(layer + "masked_bias", at::ones({2}, at::kByte), "ByteStorage");
  write_file_durably(folder.path() / kBin, state.zip());
  check_same(import_huggingface(folder.path()), wanted);
  StateDict integers;
  integers.add({tensors.begin() + 1, tensors.end()});
  integers.add(tensors[0].name, at::ones(tensors[0].tensor.sizes(), at::kByte), "ByteStorage");
  write_file_durably(folder.path() / kBin, integers.zip());
  CHECK_THAT(refusal(folder.path()),
             ContainsSubstring(tensors[0].name +
                               " must be of floating-point numbers, got Byte; import a model"));
}

TEST_CASE("pytorch folder: what is no state dict of tensors is refused, and nothing is executed") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  taken(folder);
  const auto says = [&](const std::string& bytes) {
    write_file_durably(folder.path() / kBin, bytes);
    const std::string text = refusal(folder.path());
    CHECK_THAT(text, ContainsSubstring(kBin));
    return text;
  };
  using testing::ordered_dict;
  using testing::zip_file;
  CHECK_THAT(says(zip_file(testing::list(testing::text("w")), {})),
             ContainsSubstring("must hold a dict of tensors, got "));
  CHECK_THAT(says(zip_file(ordered_dict(testing::integer(3) + testing::text("w")), {})),
             ContainsSubstring("a tensor's name must be a text, got "));
  const auto mark = folder.path() / "mark";
  CHECK_THAT(
      says(zip_file(
          ordered_dict(testing::text("w") +
                       testing::call(testing::class_name("os", "system"),
                                     testing::tuple(testing::text("touch " + mark.string())))),
          {})),
      ContainsSubstring("nothing in a pickle is executed"));
  CHECK_FALSE(fs::exists(mark));
  CHECK_THAT(says("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
             ContainsSubstring("a Git LFS pointer"));
  CHECK_THAT(says("neither"), ContainsSubstring("must be a PyTorch checkpoint"));
}

}  // namespace
}  // namespace longspan
