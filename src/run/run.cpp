// Opens what a run left in its folder.

#include "longspan/run/run.h"

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"

namespace longspan {

SavedRun find_run(const std::filesystem::path& folder, const std::string& checkpoint,
                  const std::vector<std::string>& overrides) {
  check(std::filesystem::exists(folder / "config.yaml"), ErrorKind::Config, folder.string(),
        " must be the folder of a run, ",
        std::filesystem::exists(folder) ? "it has no config.yaml" : "there is nothing of that name",
        "; longspan runs DIR lists the runs below a folder");
  const auto checkpoint_folder = find_checkpoint(folder, checkpoint);
  const auto document =
      config::Document::from_file(checkpoint_folder / "config.yaml", overrides, ".");
  return {folder, checkpoint_folder, read_run_config(document)};
}

TrainedRun open_run(const SavedRun& saved) {
  const CheckpointContents contents = load_checkpoint_model(saved.checkpoint);
  std::shared_ptr<const Tokenizer> tokenizer = load_tokenizer(saved.checkpoint / "tokenizer");
  Transformer model = make_unset_model(saved.config, tokenizer->vocab_size());
  model.load_parameters(contents.model);
  return {saved.folder, saved.config, contents.step, std::move(tokenizer), std::move(model)};
}

}  // namespace longspan
