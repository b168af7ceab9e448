#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace longspan::checkpoint {

inline constexpr char kManifestName[] = "manifest.json";
inline constexpr char kModelName[] = "model.safetensors";
inline constexpr char kOptimizerName[] = "optimizer.safetensors";
inline constexpr char kTrainerName[] = "trainer.json";
inline constexpr char kConfigName[] = "config.yaml";

/// One file of a checkpoint.
struct ManifestFile {
  std::string name;  ///< relative to the checkpoint, with /
  std::uint64_t bytes = 0;
  std::string checksum;  ///< XXH3, 128 bits, 32 hexadecimal digits
};

/// The content of manifest.json; src/checkpoint/FORMAT.md gives every field.
struct Manifest {
  std::int64_t step = 0;
  std::vector<ManifestFile> files;

  /// Returns the entry of a file that every checkpoint has.
  const ManifestFile& file(const std::string& name) const;
};

/// Returns the text of manifest.json.
std::string format_manifest(const Manifest& manifest);
/// Reads the manifest of a checkpoint folder and checks that each file is there with its size;
/// checksums are not read.
/// @throws Error(Checkpoint)
Manifest read_manifest(const std::filesystem::path& folder);

}  // namespace longspan::checkpoint
