// Saving: the folder is filled under a temporary name and appears under its own by one rename, when
// all of it is on disk.

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "checkpoint/blame.h"
#include "checkpoint/hashing_writer.h"
#include "checkpoint/manifest.h"
#include "checkpoint/step_folder.h"
#include "checkpoint/tensor_file.h"
#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/files.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using checkpoint::ManifestFile;

ManifestFile write_text(const fs::path& folder, const std::string& name, std::string_view text) {
  checkpoint::HashingWriter writer(folder / name);
  writer.write(text);
  return writer.close(name);
}

std::vector<ManifestFile> copy_tokenizer(const fs::path& source, const fs::path& target) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    if (entry.is_regular_file()) names.push_back(entry.path().lexically_relative(source));
  }
  std::sort(names.begin(), names.end());
  std::vector<ManifestFile> files;
  for (const fs::path& name : names) {
    const fs::path copy = fs::path("tokenizer") / name;
    make_folder((target / copy).parent_path());
    files.push_back(write_text(target, copy.generic_string(), read_file(source / name)));
  }
  return files;
}

void fill(const fs::path& folder, const CheckpointContents& contents,
          const fs::path& tokenizer_folder, const std::function<void(std::int64_t)>& when_written) {
  checkpoint::Manifest manifest;
  manifest.step = contents.step;
  const auto add_tensors = [&](const char* name, const NamedTensors& tensors) {
    manifest.files.push_back(checkpoint::write_tensor_file(folder / name, name, tensors,
                                                           {{"format", "pt"}}, when_written));
  };
  add_tensors(checkpoint::kModelName, contents.model);
  add_tensors(checkpoint::kOptimizerName, contents.optimizer);
  manifest.files.push_back(
      write_text(folder, checkpoint::kTrainerName, contents.trainer.dump(2) + "\n"));
  manifest.files.push_back(write_text(folder, checkpoint::kConfigName, contents.config_yaml));
  if (!tokenizer_folder.empty()) {
    for (auto& file : copy_tokenizer(tokenizer_folder, folder))
      manifest.files.push_back(std::move(file));
  }
  write_text(folder, checkpoint::kManifestName, checkpoint::format_manifest(manifest));
}

void write_pointer(const fs::path& run_folder, const char* pointer, std::int64_t step) {
  write_file_durably(checkpoint::checkpoints_of(run_folder) / pointer,
                     checkpoint::step_name(step) + "\n");
}

}  // namespace

fs::path save_checkpoint(const fs::path& run_folder, const CheckpointContents& contents,
                         const fs::path& tokenizer_folder,
                         const std::function<void(std::int64_t)>& when_written) {
  check(contents.step >= 0, ErrorKind::Internal, "a checkpoint's step must be >= 0, got ",
        contents.step);
  const fs::path final_folder =
      checkpoint::checkpoints_of(run_folder) / checkpoint::step_name(contents.step);
  try {
    StagedFolder staged(final_folder);
    fill(staged.path(), contents, tokenizer_folder, when_written);
    staged.commit();
    write_pointer(run_folder, checkpoint::kLatestName, contents.step);
  } catch (...) {
    checkpoint::blame_checkpoint(
        concat("checkpoint of step ", contents.step, " must be saved whole: "),
        "; earlier checkpoints stand");
  }
  return final_folder;
}

bool is_out_of_space(const std::exception& error) {
  const auto* failure = dynamic_cast<const std::system_error*>(&error);
  if (failure != nullptr &&
      (failure->code() == std::errc::no_space_on_device || failure->code().value() == EDQUOT))
    return true;
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    return is_out_of_space(cause);
  }
  return false;
}

void mark_best(const fs::path& run_folder, std::int64_t step) {
  const fs::path folder = checkpoint::checkpoints_of(run_folder) / checkpoint::step_name(step);
  checkpoint::read_manifest(folder);
  checkpoint::blaming_checkpoint([&] { write_pointer(run_folder, checkpoint::kBestName, step); });
}

}  // namespace longspan
