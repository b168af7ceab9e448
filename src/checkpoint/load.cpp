// Loading: each file is read once, its checksum compared, and only then parsed.

#include <algorithm>
#include <utility>
#include <vector>

#include "checkpoint/blame.h"
#include "checkpoint/manifest.h"
#include "checkpoint/step_folder.h"
#include "checkpoint/tensor_file.h"
#include "longspan/checkpoint/checkpoint.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/files.h"
#include "longspan/core/hash.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using checkpoint::Manifest;
using checkpoint::ManifestFile;

constexpr std::size_t kPieceBytes = std::size_t{1} << 22;

// Maps a file of the manifest and proves its checksum.
MappedFile open_verified(const fs::path& folder, const ManifestFile& entry) {
  const fs::path path = folder / entry.name;
  MappedFile file(path);
  Hasher hasher;
  for (std::size_t begin = 0; begin < file.bytes().size(); begin += kPieceBytes) {
    const std::size_t count = std::min(kPieceBytes, file.bytes().size() - begin);
    file.load(begin, count);
    hasher.update(file.bytes().subspan(begin, count));
  }
  const std::string found = hasher.digest();
  check(found == entry.checksum, ErrorKind::Checkpoint, path.string(), ": must have the checksum ",
        entry.checksum, " of manifest.json, got ", found, kDamagedRemedy);
  return file;
}

NamedTensors load_tensors(const fs::path& folder, const Manifest& manifest, const char* name) {
  const MappedFile file = open_verified(folder, manifest.file(name));
  return checkpoint::read_tensor_bytes(file.bytes(), (folder / name).string());
}

std::string load_text(const fs::path& folder, const Manifest& manifest, const char* name) {
  return std::string(open_verified(folder, manifest.file(name)).text());
}

CheckpointContents load_model_part(const fs::path& folder, const Manifest& manifest) {
  CheckpointContents contents;
  contents.step = manifest.step;
  contents.model = load_tensors(folder, manifest, checkpoint::kModelName);
  contents.config_yaml = load_text(folder, manifest, checkpoint::kConfigName);
  return contents;
}

std::string describe_tensors(const NamedTensors& tensors) {
  std::int64_t numbers = 0;
  for (const auto& [name, tensor] : tensors) numbers += tensor.numel();
  return concat("tensors=", tensors.size(), " numbers=", numbers);
}

}  // namespace

CheckpointContents load_checkpoint(const fs::path& folder) {
  return checkpoint::blaming_checkpoint([&] {
    const Manifest manifest = checkpoint::read_manifest(folder);
    CheckpointContents contents = load_model_part(folder, manifest);
    contents.optimizer = load_tensors(folder, manifest, checkpoint::kOptimizerName);
    contents.trainer = parse_json(load_text(folder, manifest, checkpoint::kTrainerName),
                                  (folder / checkpoint::kTrainerName).string());
    for (const ManifestFile& file : manifest.files) {
      if (file.name.starts_with("tokenizer/")) open_verified(folder, file);
    }
    return contents;
  });
}

CheckpointContents load_checkpoint_model(const fs::path& folder) {
  return checkpoint::blaming_checkpoint(
      [&] { return load_model_part(folder, checkpoint::read_manifest(folder)); });
}

std::optional<CheckpointContents> load_newest_checkpoint(const fs::path& run_folder) {
  std::vector<fs::path> folders = checkpoint_folders(run_folder);
  if (folders.empty()) return std::nullopt;
  std::reverse(folders.begin(), folders.end());
  std::string newest_damage;
  for (const fs::path& folder : folders) {
    try {
      return load_checkpoint(folder);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::Checkpoint) throw;
      log::warn("checkpoint is damaged, going back to the one before it",
                {{"reason", error.what()}});
      if (newest_damage.empty()) newest_damage = error.what();
    }
  }
  throw Error(ErrorKind::Checkpoint, concat(checkpoint::checkpoints_of(run_folder).string(),
                                            ": one checkpoint at least must be whole, none of ",
                                            folders.size(), " is; the newest: ", newest_damage));
}

std::string verify_checkpoint(const fs::path& folder) {
  const CheckpointContents contents = load_checkpoint(folder);
  const Manifest manifest = checkpoint::read_manifest(folder);
  std::string text = concat("checkpoint step=", contents.step, " files=", manifest.files.size(),
                            " checksums=good\n");
  for (const ManifestFile& file : manifest.files) {
    text += concat("  ", file.name, " bytes=", file.bytes, " xxh3_128=", file.checksum);
    if (file.name == checkpoint::kModelName) text += concat(" ", describe_tensors(contents.model));
    if (file.name == checkpoint::kOptimizerName)
      text += concat(" ", describe_tensors(contents.optimizer));
    text += "\n";
  }
  return text;
}

}  // namespace longspan
