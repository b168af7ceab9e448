// Folders of transformers whose files are missing, damaged or something else than their names say.

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <tuple>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "unit/interop/huggingface_folder.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::HuggingFaceFolder;
using testing::tiny_config;

constexpr char kWeights[] = "model.safetensors", kIndex[] = "model.safetensors.index.json";

std::string refusal(const fs::path& folder, ErrorKind kind = ErrorKind::Data) {
  try {
    import_huggingface(folder);
  } catch (const Error& error) {
    CHECK(error.kind() == kind);
    CHECK_THAT(error.what(), ContainsSubstring(folder.string()));
    return error.what();
  }
  return "nothing was refused";
}

// Changes the tensors of a folder's file.
void change(const fs::path& file, const std::function<void(NamedTensors&)>& edit) {
  NamedTensors tensors = read_safetensors(file);
  edit(tensors);
  write_safetensors(file, tensors);
}

at::Tensor& named(NamedTensors& tensors, const std::string& name) {
  const auto found = std::ranges::find(tensors, name, &NamedTensor::name);
  REQUIRE(found != tensors.end());
  return found->tensor;
}

void write_index(const fs::path& folder, const std::vector<std::string>& files) {
  Json map = Json::object();
  for (const std::string& file : files) map["tensor of " + file] = file;
  write_json(folder / kIndex, Json{{"weight_map", map}});
}

TEST_CASE("huggingface folder: values that are no numbers are counted and named") {
  for (const double value : {std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity(), -1e300}) {
    const HuggingFaceFolder folder(tiny_config("llama"));
    change(folder.path() / kWeights, [&](NamedTensors& tensors) {
      at::Tensor& norm = named(tensors, "model.norm.weight");
      norm = norm.to(at::kDouble);
      norm.slice(0, 1, 3).fill_(value);
    });
    const std::string text = refusal(folder.path(), ErrorKind::Numeric);
    CHECK_THAT(text, ContainsSubstring("model.norm.weight must hold finite numbers"));
    CHECK_THAT(text, ContainsSubstring("2 of its 8 are NaN or infinite; download"));
  }
}

TEST_CASE("huggingface folder: a second copy of a tied matrix is taken when it is equal") {
  for (const auto& [type, embedding, head] :
       {std::tuple{"llama", "model.embed_tokens.weight", "lm_head.weight"},
        std::tuple{"gpt_neox", "gpt_neox.embed_in.weight", "embed_out.weight"},
        std::tuple{"mpt", "transformer.wte.weight", "lm_head.weight"}}) {
    INFO(type);
    Json config = tiny_config(type);
    config["tie_word_embeddings"] = true;
    const HuggingFaceFolder folder(config);
    CHECK(refusal(folder.path()) == "nothing was refused");
    const auto file = folder.path() / kWeights;
    change(file, [&](NamedTensors& tensors) {
      tensors.push_back({head, named(tensors, embedding).clone()});
    });
    CHECK(refusal(folder.path()) == "nothing was refused");
    change(file, [&](NamedTensors& tensors) { named(tensors, head)[3][2] += 1e-6; });
    CHECK_THAT(refusal(folder.path()), ContainsSubstring(head) && ContainsSubstring("differs"));
  }
}

TEST_CASE("huggingface folder: a tensor of two shards is taken when the copies are equal") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  const auto second = folder.path() / "second.safetensors";
  NamedTensors all = read_safetensors(folder.path() / kWeights);
  const NamedTensors norm{{"model.norm.weight", named(all, "model.norm.weight")}};
  write_safetensors(second, norm);
  write_index(folder.path(), {kWeights, "second.safetensors"});
  CHECK(refusal(folder.path()) == "nothing was refused");
  norm[0].tensor[0] += 1;
  write_safetensors(second, norm);
  CHECK_THAT(refusal(folder.path()),
             ContainsSubstring("model.norm.weight differs between model.safetensors and "
                               "second.safetensors"));
}

TEST_CASE("huggingface folder: integers are no weights") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  change(folder.path() / kWeights, [&](NamedTensors& tensors) {
    at::Tensor& norm = named(tensors, "model.norm.weight");
    norm = norm.to(at::kChar);
  });
  CHECK_THAT(refusal(folder.path()),
             ContainsSubstring("model.norm.weight must be of floating-point numbers, got Char"));
}

TEST_CASE("huggingface folder: what stands in place of a file is named with the remedy") {
  const std::vector<std::tuple<std::string, std::string, std::string>> impostors{
      {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer",
       "git lfs pull"},
      {"\n <!DOCTYPE html><html></html>", "a web page", "licence"},
      {"<html>", "a web page", "log in"},
      {"Access to model x is restricted.", "a server's message", "log in"},
      {"{\"error\":\"gated\"}", "a server's message", "log in"},
      {"PK\x03\x04 and so on", "torch.save", "safetensors"},
      {"", "0 bytes", "download it again"}};
  for (const std::string name : {"config.json", kWeights, kIndex}) {
    for (const auto& [text, what, remedy] : impostors) {
      if (what == "torch.save" && name != kWeights) continue;
      INFO(name << ": " << text);
      const HuggingFaceFolder folder(tiny_config("llama"));
      write_file_durably(folder.path() / name, text);
      CHECK_THAT(refusal(folder.path()),
                 ContainsSubstring(name) && ContainsSubstring(what) && ContainsSubstring(remedy));
    }
  }
}

TEST_CASE("huggingface folder: a file that was cut short") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  const std::string whole = read_file(folder.path() / kWeights);
  for (const std::size_t size : {whole.size() - 1, whole.size() / 2, std::size_t{100}}) {
    write_file_durably(folder.path() / kWeights, whole.substr(0, size));
    const std::string text = refusal(folder.path());
    CHECK_THAT(text, ContainsSubstring(kWeights) && ContainsSubstring("download it again"));
    CHECK_THAT(text, !ContainsSubstring("of the run"));
  }
  write_file_durably(folder.path() / "config.json", "{\"model_type\": \"lla");
  CHECK_THAT(refusal(folder.path()), ContainsSubstring("config.json:1:"));
}

TEST_CASE("huggingface folder: weights of another format are named with the remedy") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  fs::remove(folder.path() / kWeights);
  CHECK_THAT(refusal(folder.path()), ContainsSubstring("found no weights; download"));
  const auto found = [&](const std::string& name) {
    write_file_durably(folder.path() / name, "x");
    const std::string text = refusal(folder.path());
    fs::remove(folder.path() / name);
    CHECK_THAT(text, ContainsSubstring("must hold model.safetensors, pytorch_model.bin or the "
                                       "index of one, found " +
                                       name + "; "));
    return text;
  };
  for (const char* name : {"tf_model.h5", "consolidated.00.pth", "model.gguf"})
    CHECK_THAT(found(name), ContainsSubstring("load it with transformers and save_pretrained()"));
  CHECK_THAT(found("adapter_model.safetensors"), ContainsSubstring("merge the adapter"));
  for (int i = 1; i <= 9; ++i)
    write_file_durably(folder.path() / concat("pytorch_model-", i, "-of-9.bin"), "x");
  CHECK_THAT(refusal(folder.path()), ContainsSubstring("pytorch_model-1-of-9.bin, ..., "
                                                       "pytorch_model-9-of-9.bin (9 files)"));
}

TEST_CASE("huggingface folder: an index names files of the folder alone") {
  const testing::TemporaryFolder outside;
  const HuggingFaceFolder folder(tiny_config("llama"));
  const auto home = folder.path();
  fs::copy_file(home / kWeights, outside.path() / kWeights);
  fs::create_directory(home / "deep");
  fs::copy_file(home / kWeights, home / "deep" / kWeights);
  fs::create_symlink(outside.path() / kWeights, home / "away");
  fs::create_symlink(kWeights, home / "near");
  const auto says = [&](const std::string& file) {
    write_index(home, {file});
    return refusal(home);
  };
  for (const std::string& file :
       {std::string("../") + home.filename().string() + "/" + kWeights, std::string(".."),
        std::string("."), std::string(), std::string("deep/") + kWeights,
        std::string("./") + kWeights, (outside.path() / kWeights).string(), std::string("away"),
        std::string("a\0b", 3)}) {
    INFO(file);
    CHECK_THAT(says(file), ContainsSubstring("must be a file of the same folder, got "));
  }
  CHECK_THAT(says("other.safetensors"),
             ContainsSubstring("got \"other.safetensors\", which is not there; download it"));
  CHECK_THAT(says(std::string(300, 'x')), ContainsSubstring("File name too long"));
  CHECK_THAT(says("deep"), ContainsSubstring("must be a regular file"));
  CHECK(says("near") == "nothing was refused");
}

TEST_CASE("huggingface folder: links to blobs are those of huggingface_hub's cache") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  const testing::TemporaryFolder cache;
  const auto home = cache.path() / "snapshots" / "1234";
  fs::create_directories(home);
  fs::create_directory(cache.path() / "blobs");
  for (const char* name : {"config.json", kWeights}) {
    fs::copy_file(folder.path() / name, cache.path() / "blobs" / name);
    fs::create_symlink(fs::path("../../blobs") / name, home / name);
  }
  write_index(home, {kWeights});
  CHECK(refusal(home) == "nothing was refused");
}

TEST_CASE("huggingface folder: what the system refuses is an error of the folder") {
  const HuggingFaceFolder folder(tiny_config("llama"));
  const auto home = folder.path();
  CHECK_THAT(refusal(home / "none"), ContainsSubstring("must be a folder as save_pretrained()"));
  CHECK_THAT(refusal(home / "config.json"), ContainsSubstring("got a file"));
  CHECK_THAT(refusal(home / std::string(300, 'x')), ContainsSubstring("File name too long"));
  fs::create_symlink("loop", home / "loop");
  CHECK_THAT(refusal(home / "loop"), ContainsSubstring("Too many levels of symbolic links"));
  for (const char* name : {"config.json", kWeights}) {
    INFO(name);
    const std::string content = read_file(home / name);
    const auto replaced_by = [&](const std::function<void(const fs::path&)>& make) {
      fs::remove_all(home / name);
      make(home / name);
      const std::string text = refusal(home);
      fs::remove_all(home / name);
      write_file_durably(home / name, content);
      CHECK_THAT(text, ContainsSubstring((home / name).string()));
      return text;
    };
    CHECK_THAT(replaced_by([](const fs::path& file) { fs::create_symlink(file, file); }),
               ContainsSubstring("Too many levels of symbolic links"));
    CHECK_THAT(replaced_by([](const fs::path& file) { fs::create_symlink("nowhere", file); }),
               ContainsSubstring("No such file"));
    CHECK_THAT(replaced_by([](const fs::path& file) { fs::create_directory(file); }),
               ContainsSubstring("must be a regular file"));
  }
  fs::permissions(home, fs::perms::none);
  const std::string locked = refusal(home);
  fs::permissions(home, fs::perms::owner_all);
  if (::geteuid() != 0) CHECK_THAT(locked, ContainsSubstring("Permission denied"));
}

}  // namespace
}  // namespace longspan
