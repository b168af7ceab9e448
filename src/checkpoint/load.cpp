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
#include "longspan/core/progress.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using checkpoint::Manifest;
using checkpoint::ManifestFile;

constexpr std::size_t kComparedBytes = std::size_t{1} << 22;

// Reads files of a checkpoint, and tells how far it is.
class Reading {
 public:
  Reading(const fs::path& folder, const Manifest& manifest, std::int64_t total_bytes)
      : folder_(folder),
        manifest_(manifest),
        progress_(concat("read ", folder.filename().string()), total_bytes) {}

  /// Maps a file of the manifest and proves its checksum.
  MappedFile open(const ManifestFile& entry);
  NamedTensors load_tensors(const char* name) {
    const MappedFile file = open(manifest_.file(name));
    return checkpoint::read_tensor_bytes(file.bytes(), (folder_ / name).string());
  }
  std::string load_text(const char* name) { return std::string(open(manifest_.file(name)).text()); }

 private:
  const fs::path& folder_;
  const Manifest& manifest_;
  ByteProgress progress_;
};

MappedFile Reading::open(const ManifestFile& entry) {
  const fs::path path = folder_ / entry.name;
  MappedFile file(path);
  Hasher hasher;
  for (std::size_t begin = 0; begin < file.bytes().size(); begin += kComparedBytes) {
    const std::size_t count = std::min(kComparedBytes, file.bytes().size() - begin);
    file.load(begin, count);
    hasher.update(file.bytes().subspan(begin, count));
    progress_.add(static_cast<std::int64_t>(count));
  }
  const std::string found = hasher.digest();
  check(found == entry.checksum, ErrorKind::Checkpoint, path.string(), ": must have the checksum ",
        entry.checksum, " of manifest.json, got ", found, kDamagedRemedy);
  return file;
}

CheckpointContents load_model_part(const Manifest& manifest, Reading& reading) {
  CheckpointContents contents;
  contents.step = manifest.step;
  contents.model = reading.load_tensors(checkpoint::kModelName);
  contents.config_yaml = reading.load_text(checkpoint::kConfigName);
  return contents;
}

std::int64_t bytes_of(const Manifest& manifest) {
  std::int64_t bytes = 0;
  for (const ManifestFile& file : manifest.files) bytes += static_cast<std::int64_t>(file.bytes);
  return bytes;
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
    Reading reading(folder, manifest, bytes_of(manifest));
    CheckpointContents contents = load_model_part(manifest, reading);
    contents.optimizer = reading.load_tensors(checkpoint::kOptimizerName);
    contents.trainer = parse_json(reading.load_text(checkpoint::kTrainerName),
                                  (folder / checkpoint::kTrainerName).string());
    for (const ManifestFile& file : manifest.files) {
      if (file.name.starts_with("tokenizer/")) reading.open(file);
    }
    return contents;
  });
}

CheckpointContents load_checkpoint_model(const fs::path& folder) {
  return checkpoint::blaming_checkpoint([&] {
    const Manifest manifest = checkpoint::read_manifest(folder);
    const auto bytes = static_cast<std::int64_t>(manifest.file(checkpoint::kModelName).bytes);
    Reading reading(folder, manifest, bytes);
    return load_model_part(manifest, reading);
  });
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
