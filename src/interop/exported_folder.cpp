// A folder of transformers made from a model of ours.

#include "longspan/interop/exported_folder.h"

#include <algorithm>
#include <system_error>

#include "interop/disk_error.h"
#include "interop/exported_tokenizer.h"
#include "interop/exported_weights.h"
#include "interop/expression.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/json.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

std::string type_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "float32";
    case at::kBFloat16:
      return "bfloat16";
    case at::kHalf:
      return "float16";
    default:
      unreachable();
  }
}

// Nothing ends a text here, so that generation ends where it is told to.
Json config_of(const interop::Expression& model, const Tokenizer& tokenizer, at::ScalarType dtype) {
  Json config{{"architectures", Json::array({model.architecture->class_name})},
              {"model_type", model.architecture->model_type}};
  config.update(model.architecture->write(model.shape));
  config.update(Json{{"bos_token_id", tokenizer.start_id()},
                     {"eos_token_id", nullptr},
                     {"pad_token_id", nullptr},
                     {"torch_dtype", type_name(dtype)}});
  if (tokenizer.reads_documents()) config["eos_token_id"] = tokenizer.start_id();
  return config;
}

bool is_free(const fs::path& folder) {
  std::error_code ignored;
  return !fs::exists(fs::symlink_status(folder, ignored)) ||
         (fs::is_directory(folder, ignored) && fs::is_empty(folder, ignored));
}

ExportedFolder described(const fs::path& folder) {
  ExportedFolder result;
  for (const auto& entry : fs::directory_iterator(folder)) {
    result.files.push_back(entry.path().filename().string());
    result.bytes += static_cast<std::int64_t>(entry.file_size());
  }
  std::ranges::sort(result.files);
  return result;
}

ExportedFolder write_folder(const interop::Expression& model, const Tokenizer& tokenizer,
                            const fs::path& folder, const ExportOptions& options) {
  StagedFolder staged(folder);
  interop::write_weight_files(staged.path(),
                              rows_of(model.architecture->weights, model.shape.weight_dimensions()),
                              model.parameters, {options.dtype, options.max_file_bytes});
  write_json(staged.path() / "config.json", config_of(model, tokenizer, options.dtype));
  const std::string tokenizer_file = interop::write_folder_tokenizer(tokenizer, staged.path());
  ExportedFolder result = described(staged.path());
  result.architecture = model.architecture->model_type;
  result.tokenizer = tokenizer_file;
  staged.commit();
  return result;
}

}  // namespace

ExportedFolder export_huggingface(const PortableModel& model, const Tokenizer& tokenizer,
                                  const fs::path& folder, const ExportOptions& options) {
  check(is_free(folder), ErrorKind::Config,
        "--output must name a folder that does not exist or is empty, got ", folder.string());
  const interop::Expression expression = interop::express(model);
  try {
    return write_folder(expression, tokenizer, folder, options);
  } catch (const fs::filesystem_error& cause) {
    blame_disk(folder, concat(cause.path1().string(), ": ", cause.code().message()));
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Checkpoint && cause.kind() != ErrorKind::Io) throw;
    blame_disk(folder, cause.what());
  }
}

}  // namespace longspan
