// Which files of a folder hold the weights, and the tensors in them.

#include "interop/folder_tensors.h"

#include <algorithm>
#include <array>
#include <set>

#include "interop/folder_file.h"
#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

namespace fs = std::filesystem;

// The names of weights in one file and of the index of several, those that are preferred first.
struct Format {
  std::string_view whole, index;
  bool is_pickle;
};
constexpr std::array<Format, 2> kFormats{
    {{"model.safetensors", "model.safetensors.index.json", false},
     {"pytorch_model.bin", "pytorch_model.bin.index.json", true}}};

// Files of weights that are not read, for the message.
std::string other_weights(const fs::path& folder) {
  std::set<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const fs::path name = entry->path().filename();
    for (const char* ending : {".bin", ".safetensors", ".pt", ".pth", ".gguf", ".h5", ".msgpack"})
      if (name.extension() == ending) names.insert(name.string());
  }
  constexpr std::size_t kMaxShown = 4;
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  if (names.size() <= kMaxShown) return text;
  return concat(*names.begin(), ", ..., ", *names.rbegin(), " (", names.size(), " files)");
}

[[noreturn]] void refuse_without_weights(const fs::path& folder) {
  const std::string others = other_weights(folder);
  const std::string found =
      others.empty() ? "no weights; download them"
      : others.starts_with("adapter_model")
          ? others + "; merge the adapter into the model that it belongs to, and save that"
          : others +
                "; load it with transformers and save_pretrained() it, which writes safetensors";
  throw Error(ErrorKind::Data, concat(folder.string(), ": must hold ", kFormats[0].whole, ", ",
                                      kFormats[1].whole, " or the index of one, found ", found));
}

// A link may lead within the folder or, as in the cache of huggingface_hub, from
// snapshots/<revision> to blobs beside snapshots.
bool stays(const fs::path& folder, const fs::path& file) {
  std::error_code failure;
  const fs::path home = fs::canonical(folder, failure), target = fs::canonical(file, failure);
  if (failure) return true;  // reading it says why it cannot be had
  const fs::path above = home.parent_path();
  return target.parent_path() == home ||
         (above.filename() == "snapshots" && target.parent_path() == above.parent_path() / "blobs");
}

void check_shard(const fs::path& folder, const JsonReader& map, const std::string& tensor,
                 const std::string& file) {
  const bool is_name = !file.empty() && file != "." && file != ".." &&
                       file.find('/') == std::string::npos && file.find('\0') == std::string::npos;
  if (!is_name) map.refuse(tensor, "a file of the same folder");
  if (!stays(folder, folder / file))
    map.refuse(tensor, "a file of the same folder",
               ", a link that leads out of it; put the file itself there");
  if (!is_there(folder / file))
    map.refuse(tensor, "a file of the folder",
               ", which is not there; download it, or take a folder that is whole");
}

const Format& format_of(const fs::path& folder) {
  for (const Format& format : kFormats)
    if (is_there(folder / format.index) || is_there(folder / format.whole)) return format;
  refuse_without_weights(folder);
}

std::set<std::string> files_of(const fs::path& folder, const Format& format) {
  if (!is_there(folder / format.index)) return {std::string(format.whole)};
  const JsonReader document = read_folder_json(folder / format.index);
  document.require("weight_map");
  const JsonReader map = document.section("weight_map");
  const std::vector<std::string> tensors = map.keys(), named = map.texts();
  std::set<std::string> files;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (files.insert(named[i]).second) check_shard(folder, map, tensors[i], named[i]);
  return files;
}

}  // namespace

FolderTensors::FolderTensors(const fs::path& folder) : folder_(folder.string()) {
  const Format& format = format_of(folder);
  for (const std::string& file : files_of(folder, format)) {
    if (format.is_pickle) {
      add_pickle(file);
      continue;
    }
    for (const auto& [name, tensor] : read_folder_tensors(folder / file)) add(name, {file, tensor});
  }
}

at::Tensor FolderTensors::Found::load(const std::string& name) const {
  return pickle == nullptr ? tensor : pickle->tensor(*node, name);
}

void FolderTensors::add(const std::string& name, const Found& found) {
  const auto [first, is_new] = tensors_.try_emplace(name, found);
  check(is_new || same_bits(first->second.load(name), found.load(name)), ErrorKind::Data, folder_,
        ": copies of a tensor must be equal, ", name, " differs between ", first->second.file,
        " and ", found.file, "; remove the file that is not of this model");
}

// A dict of tensors by name. They are copied out where they are taken, so that masks and tables of
// any type may stand beside the weights.
void FolderTensors::add_pickle(const std::string& file) {
  const fs::path path = fs::path(folder_) / file;
  check_is_downloaded(path);
  TorchFile& pickle = *pickles_.emplace_back(std::make_unique<TorchFile>(path));
  const PickleNode& root = pickle.root();
  check(root.kind == PickleKind::Dict, ErrorKind::Data, pickle.source(),
        ": must hold a dict of tensors, got ", Pickle::describe(root));
  for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
    const PickleNode& key = pickle.pickle().node(root.items[i]);
    check(key.kind == PickleKind::Text, ErrorKind::Data, pickle.source(),
          ": a tensor's name must be a text, got ", Pickle::describe(key));
    add(key.text, {file, {}, &pickle, &pickle.pickle().node(root.items[i + 1])});
  }
}

void FolderTensors::complete(std::string_view prefix) {
  const auto has_prefix = [&](const auto& entry) { return entry.first.starts_with(prefix); };
  if (std::ranges::any_of(tensors_, has_prefix)) return;
  std::map<std::string, Found> completed;
  for (const auto& [name, found] : tensors_) completed.emplace(concat(prefix, name), found);
  tensors_ = std::move(completed);
}

at::Tensor FolderTensors::take(const std::string& name, at::IntArrayRef sizes) {
  const auto found = tensors_.find(name);
  check(found != tensors_.end(), ErrorKind::Data, folder_, ": must hold the tensor ", name,
        ", it has none");
  const at::Tensor tensor = found->second.load(name);
  check(tensor.sizes() == sizes, ErrorKind::Data, folder_, ": the tensor ", name,
        " must have the shape ", sizes, ", got ", tensor.sizes());
  check(tensor.is_floating_point(), ErrorKind::Data, folder_, ": the tensor ", name,
        " must be of floating-point numbers, got ", tensor.scalar_type(),
        "; import a model that is not quantized");
  tensors_.erase(found);
  return tensor.to(at::kFloat);
}

void FolderTensors::finish(std::span<const std::string_view> ballast) const {
  for (const auto& [name, found] : tensors_)
    check(std::ranges::any_of(ballast,
                              [&name = name](const auto ending) { return name.ends_with(ending); }),
          ErrorKind::Data, folder_, ": must hold no tensors beyond the model's, got ", name);
}

}  // namespace longspan::interop
