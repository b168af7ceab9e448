// Which architecture a model of ours is. Rotary pairs of neighbours are the one thing that is
// rewritten: all architectures pair the halves of a head, and scores are sums over its elements, so
// that q and k may have their rows in the other order.

#include "interop/expression.h"

#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <vector>

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

// What no architecture here has otherwise.
void demand_common(Changes& changes) {
  changes.demand("model.embedding.kind", {"plain"});
  changes.demand("model.embedding.scale", {false});
  changes.demand("model.norm_placement", {"pre"});
  changes.demand("model.final_norm", {true});
}

std::vector<std::string> changes_for(const Architecture& architecture, const config::Reader& root) {
  Changes changes(root);
  demand_common(changes);
  architecture.demand(changes);
  return changes.notes();
}

// Lists the changes for each architecture, the one with the fewest first.
[[noreturn]] void refuse(const config::Reader& root) {
  struct Remedy {
    std::string_view name;
    std::vector<std::string> notes;
  };
  std::vector<Remedy> remedies;
  for (const Architecture* architecture : kArchitectures)
    remedies.push_back({architecture->model_type, changes_for(*architecture, root)});
  std::ranges::stable_sort(remedies, {}, [](const Remedy& remedy) { return remedy.notes.size(); });
  std::string text;
  for (const auto& [name, notes] : remedies) {
    text += concat(text.empty() ? " for " : "; for ", name, ": ");
    for (const std::string& note : notes) text += (&note == &notes.front() ? "" : ", ") + note;
  }
  throw Error(
      ErrorKind::Config,
      concat("the model must be one that transformers has; what would have to change", text));
}

ModelShape shape_of(const PortableModel& model, const config::Reader& root) {
  const config::Reader section = root.section("model"), position = root.section("position");
  const auto integer = [&](const char* key) { return section.integer(key, {}); };
  std::optional<Rotation> rotation;
  AlibiShape alibi;
  if (position.text("kind") == "rotary")
    rotation = {position.number("base", {}), position.number("fraction", {})};
  else
    alibi = {position.number("max_bias", {}), position.number("score_scale", {})};
  const std::int64_t head_dim = integer("head_dim");
  return {.num_layers = integer("num_layers"),
          .d_model = integer("d_model"),
          .num_heads = integer("num_heads"),
          .num_kv_heads = integer("num_kv_heads"),
          .head_dim = head_dim > 0 ? head_dim : integer("d_model") / integer("num_heads"),
          .ffn_dim = integer("ffn_dim"),
          .vocab_size = model.vocab_size,
          .seq_len = model.seq_len,
          .activation = section.text("activation"),
          .norm = section.text("norm"),
          .norm_eps = section.number("norm_eps", {}),
          .bias = section.boolean("bias"),
          .attention_bias = section.boolean("attention_bias"),
          .parallel_residual = section.boolean("parallel_residual"),
          .tie = section.section("embedding").boolean("tie"),
          .embedding_norm = section.section("embedding").boolean("norm"),
          .clip_qkv = section.number("clip_qkv", {}),
          .rotation = rotation,
          .alibi = alibi};
}

// Returns the rows of heads whose turned neighbours become halves: 0, 2, 4, ..., 1, 3, 5, ..., then
// those that are not turned.
at::Tensor halves_order(std::int64_t num_heads, std::int64_t head_dim, std::int64_t turned) {
  std::vector<std::int64_t> rows;
  for (std::int64_t head = 0; head < num_heads; ++head) {
    const std::int64_t first = head * head_dim;
    for (const std::int64_t half : {0, 1})
      for (std::int64_t i = half; i < turned; i += 2) rows.push_back(first + i);
    for (std::int64_t i = turned; i < head_dim; ++i) rows.push_back(first + i);
  }
  return at::tensor(rows, at::kLong);
}

NamedTensors paired_by_halves(const NamedTensors& parameters, const ModelShape& shape) {
  const auto turned =
      static_cast<std::int64_t>(shape.rotation->fraction * static_cast<double>(shape.head_dim));
  const at::Tensor of_q = halves_order(shape.num_heads, shape.head_dim, turned),
                   of_k = halves_order(shape.num_kv_heads, shape.head_dim, turned);
  NamedTensors result;
  for (const auto& [name, tensor] : parameters) {
    const bool is_q = name.find(".attn.q.") != std::string::npos,
               is_k = name.find(".attn.k.") != std::string::npos;
    result.push_back(
        {name, is_q || is_k ? at::index_select(tensor, 0, is_q ? of_q : of_k) : tensor});
  }
  return result;
}

bool pairs_neighbours(const config::Reader& root) {
  const config::Reader position = root.section("position");
  return position.has("pairing") && position.text("pairing") == "interleaved";
}

}  // namespace

Expression express(const PortableModel& model) {
  const auto document = config::Document::from_text(model.config_yaml, "the run's configuration");
  const config::Reader root = document.root();
  for (const Architecture* architecture : kArchitectures) {
    if (!changes_for(*architecture, root).empty()) continue;
    const ModelShape shape = shape_of(model, root);
    return {architecture, shape,
            pairs_neighbours(root) ? paired_by_halves(model.parameters, shape) : model.parameters};
  }
  refuse(root);
}

}  // namespace longspan::interop
