// A run's folder made from another project's model.

#include "longspan/interop/imported_run.h"

#include <system_error>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/progress.h"

namespace longspan {
namespace fs = std::filesystem;

std::string imported_config(const PortableModel& model, const std::string& name,
                            const std::string& tokenizer) {
  return concat("name: ", Json(name).dump(), "\nseed: 1\n", model.config_yaml,
                "data:\n  train: train.txt\n  valid: valid.txt\n  tokenizer: ", tokenizer,
                "\n  shards: shards\n  seq_len: ", model.seq_len,
                "\noptimizer: {kind: adamw, clip_norm: 1.0}\n"
                "schedule: {kind: cosine, peak_lr: 1.0e-4, warmup_steps: 100}\n"
                "train: {max_steps: 1000, batch_tokens: ",
                8 * model.seq_len, ", micro_batch_tokens: ", model.seq_len, "}\n");
}

void write_imported_run(const fs::path& folder, const PortableModel& model,
                        const Tokenizer& tokenizer, const std::string& config_yaml) {
  std::error_code ignored;
  const bool free = !fs::exists(folder, ignored) ||
                    (fs::is_directory(folder, ignored) && fs::is_empty(folder, ignored));
  check(free, ErrorKind::Config,
        "--output must name a folder that does not exist or is empty, got ", folder.string());
  check(tokenizer.vocab_size() == model.vocab_size, ErrorKind::Data,
        "the tokenizer must have as many ids as the model (", model.vocab_size, "), got ",
        tokenizer.vocab_size(), "; is it of another model?");
  const fs::path final_folder = folder.has_filename() ? folder : folder.parent_path();
  make_folder(fs::absolute(final_folder).parent_path());
  StagedFolder staged(final_folder);
  const fs::path tokenizer_folder = staged.path() / "tokenizer";
  make_folder(tokenizer_folder);
  tokenizer.save(tokenizer_folder);
  write_file_durably(staged.path() / "config.yaml", config_yaml);
  CheckpointContents contents;
  contents.model = model.parameters;
  contents.trainer = Json::object();
  contents.config_yaml = config_yaml;
  std::int64_t all_bytes = 0;
  for (const auto& [name, tensor] : contents.model)
    all_bytes += static_cast<std::int64_t>(tensor.nbytes());
  ByteProgress progress("write weights", all_bytes);
  save_checkpoint(staged.path(), contents, tokenizer_folder,
                  [&](std::int64_t bytes) { progress.add(bytes); });
  mark_best(staged.path(), contents.step);
  fs::remove_all(tokenizer_folder);
  staged.commit();
}

}  // namespace longspan
