// A GGUF file made from a model of ours.

#include "longspan/interop/exported_gguf.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <map>
#include <system_error>

#include "interop/disk_error.h"
#include "interop/exported_weights.h"
#include "interop/expression.h"
#include "interop/gguf_architecture.h"
#include "interop/gguf_tokenizer.h"
#include "longspan/config/reader.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using interop::GgufArchitecture;
using interop::GgufFile;
using interop::ModelShape;
using interop::WeightRow;

// llama.cpp's numbers for what most tensors of a file are.
std::int64_t file_type(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return 0;
    case at::kHalf:
      return 1;
    case at::kBFloat16:
      return 32;
    default:
      unreachable();
  }
}

const GgufArchitecture& architecture_of(const interop::Expression& model,
                                        const std::string& config_yaml) {
  const GgufArchitecture* found = interop::gguf_architecture_of(*model.architecture);
  check(found != nullptr, ErrorKind::Config, "llama.cpp has no model as ",
        model.architecture->model_type, "; export to huggingface");
  const auto document = config::Document::from_text(config_yaml, "the run's configuration");
  interop::Changes changes(document.root());
  found->demand(changes);
  std::string notes;
  for (const std::string& note : changes.notes()) notes += (notes.empty() ? "" : ", ") + note;
  check(notes.empty(), ErrorKind::Config,
        "the model must be one that llama.cpp has; what would have to change for ", found->name,
        ": ", notes);
  if (model.shape.activation == "gelu")
    log::warn("llama.cpp computes gelu by tanh: scores there differ from about the third digit on");
  return *found;
}

void add_keys(const ModelShape& shape, const GgufArchitecture& architecture, at::ScalarType dtype,
              GgufFile& file) {
  const std::string prefix = std::string(architecture.name) + ".";
  file.add_text("general.architecture", architecture.name);
  file.add_count("general.file_type", file_type(dtype));
  file.add_count(prefix + "context_length", shape.seq_len);
  file.add_count(prefix + "embedding_length", shape.d_model);
  file.add_count(prefix + "block_count", shape.num_layers);
  file.add_count(prefix + "feed_forward_length", shape.ffn_dim);
  file.add_count(prefix + "vocab_size", shape.vocab_size);
  file.add_count(prefix + "attention.head_count", shape.num_heads);
  architecture.add_keys(shape, file);
}

// Returns the rows of heads whose turned halves become neighbours: 0, K / 2, 1, K / 2 + 1, ...
at::Tensor neighbours_order(std::int64_t num_heads, std::int64_t head_dim) {
  std::vector<std::int64_t> rows;
  for (std::int64_t head = 0; head < num_heads; ++head)
    for (std::int64_t i = 0; i < head_dim / 2; ++i)
      for (const std::int64_t half : {std::int64_t{0}, head_dim / 2})
        rows.push_back(head * head_dim + half + i);
  return at::tensor(rows, at::kLong);
}

std::map<std::string, at::Tensor> weights_of(const interop::Expression& model,
                                             bool pairs_neighbours) {
  const ModelShape& shape = model.shape;
  const at::Tensor of_q = neighbours_order(shape.num_heads, shape.head_dim),
                   of_k = neighbours_order(shape.num_kv_heads, shape.head_dim);
  std::map<std::string, at::Tensor> weights;
  for (const auto& [name, tensor] : model.parameters) {
    const bool is_q = name.find(".attn.q.") != std::string::npos,
               is_k = name.find(".attn.k.") != std::string::npos;
    weights[name] = pairs_neighbours && (is_q || is_k)
                        ? at::index_select(tensor.detach(), 0, is_q ? of_q : of_k)
                        : tensor.detach();
  }
  return weights;
}

// Norms and biases are added and multiplied in float32 there.
at::ScalarType type_in_file(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.dim() == 1 ? at::kFloat : dtype;
}

void write_tensors(const interop::Expression& model, const GgufArchitecture& architecture,
                   at::ScalarType dtype, GgufFile& file, const fs::path& path) {
  const auto rows = rows_of(architecture.weights, model.shape.weight_dimensions());
  const auto weights = weights_of(model, architecture.pairs_neighbours);
  const auto packed = [&](const WeightRow& row) {
    std::vector<at::Tensor> parts;
    for (const std::string& name : row.ours) parts.push_back(weights.at(name));
    return pack(row, parts);
  };
  for (const WeightRow& row : rows) {
    const at::Tensor tensor = packed(row);
    file.add_tensor(row.theirs, tensor.sizes().vec(), type_in_file(tensor, dtype));
  }
  file.write(path, [&](std::size_t i) {
    const at::Tensor tensor = packed(rows[i]);
    return interop::converted(rows[i].theirs, tensor, type_in_file(tensor, dtype));
  });
}

ExportedFolder write_file(const interop::Expression& model, const GgufArchitecture& architecture,
                          const Tokenizer& tokenizer, const fs::path& path, at::ScalarType dtype) {
  make_folder(path.parent_path());
  const StagedFolder staged(path);  // goes when all is done, or fails
  const fs::path scratch = staged.path() / "tokenizer", whole = staged.path() / "whole";
  make_folder(scratch);
  GgufFile file;
  add_keys(model.shape, architecture, dtype, file);
  ExportedFolder result;
  result.tokenizer = interop::add_gguf_tokenizer(tokenizer, scratch, file);
  write_tensors(model, architecture, dtype, file, whole);
  result.architecture = architecture.name;
  result.files = {path.filename().string()};
  result.bytes = static_cast<std::int64_t>(fs::file_size(whole));
  fs::rename(whole, path);
  sync_folder(path.parent_path());
  return result;
}

}  // namespace

ExportedFolder export_gguf(const PortableModel& model, const Tokenizer& tokenizer,
                           const fs::path& file, const ExportOptions& options) {
  std::error_code ignored;
  check(!fs::exists(fs::symlink_status(file, ignored)) && file.has_filename(), ErrorKind::Config,
        "--output must name a file that does not exist, got ", file.string());
  const interop::Expression expression = interop::express(model);
  const GgufArchitecture& architecture = architecture_of(expression, model.config_yaml);
  try {
    return write_file(expression, architecture, tokenizer, file, options.dtype);
  } catch (const fs::filesystem_error& cause) {
    blame_disk(file, concat(cause.path1().string(), ": ", cause.code().message()));
  } catch (const Error& cause) {
    if (cause.kind() != ErrorKind::Checkpoint && cause.kind() != ErrorKind::Io) throw;
    blame_disk(file, cause.what());
  }
}

}  // namespace longspan
