// Tables of tensors, written out for one model.

#include "interop/weight_table.h"

#include <string>

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

constexpr std::string_view kProjections = "qkv";
constexpr char kLayer = '*', kProjection = '#';

bool has(std::string_view text, char letter) { return text.find(letter) != std::string_view::npos; }

std::string filled(std::string_view pattern, char letter, const std::string& text) {
  std::string result;
  for (const char c : pattern) result += c == letter ? text : std::string(1, c);
  return result;
}

bool applies(When when, const WeightDimensions& dimensions) {
  switch (when) {
    case When::Always:
      return true;
    case When::Bias:
      return dimensions.bias;
    case When::AttentionBias:
      return dimensions.attention_bias;
    case When::Tied:
      return dimensions.tie;
    case When::Untied:
      return !dimensions.tie;
    case When::FinalNorm:
      return dimensions.final_norm;
  }
  unreachable();
}

std::int64_t size_of(char letter, char projection, const WeightDimensions& dimensions) {
  switch (letter) {
    case 'D':
      return dimensions.d_model;
    case 'F':
      return dimensions.ffn_dim;
    case 'V':
      return dimensions.vocab_size;
    case 'P':
      return projection == 'q' ? dimensions.q_dim : dimensions.kv_dim;
    case 'Q':
      return dimensions.q_dim;
    default:
      unreachable();
  }
}

class Expansion {
 public:
  explicit Expansion(const WeightDimensions& dimensions) : dimensions_(dimensions) {}

  void add(const WeightPattern& pattern, std::int64_t layer) {
    if (!applies(pattern.when, dimensions_)) return;
    const std::string number = std::to_string(layer);
    WeightRow row;
    row.theirs = filled(pattern.theirs, kLayer, number);
    row.packing = pattern.packing;
    row.num_kv_heads = dimensions_.num_kv_heads;
    row.stored = pattern.stored;
    const std::string ours = filled(pattern.ours, kLayer, number);
    if (!has(ours, kProjection))
      add_part(row, ours, pattern, kProjections[0]);
    else
      for (const char projection : kProjections) add_projection(row, ours, pattern, projection);
    if (!row.ours.empty()) rows_.push_back(row);
  }
  std::vector<WeightRow> rows() && { return std::move(rows_); }

 private:
  void add_part(WeightRow& row, const std::string& ours, const WeightPattern& pattern,
                char projection) const {
    row.ours.push_back(ours);
    auto& sizes = row.sizes.emplace_back();
    for (const char letter : pattern.sizes)
      sizes.push_back(size_of(letter, projection, dimensions_));
  }
  // Adds to a packed row, or makes a row of its own where theirs are apart.
  void add_projection(WeightRow& row, const std::string& ours, const WeightPattern& pattern,
                      char projection) {
    const std::string letter(1, projection), name = filled(ours, kProjection, letter);
    if (!has(row.theirs, kProjection)) return add_part(row, name, pattern, projection);
    WeightRow single = row;
    single.theirs = filled(row.theirs, kProjection, letter);
    add_part(single, name, pattern, projection);
    rows_.push_back(single);
  }

  const WeightDimensions& dimensions_;
  std::vector<WeightRow> rows_;
};

}  // namespace

std::vector<WeightRow> rows_of(std::span<const WeightPattern> table,
                               const WeightDimensions& dimensions) {
  Expansion expansion(dimensions);
  for (std::size_t begin = 0; begin < table.size();) {
    std::size_t end = begin;
    while (end < table.size() && has(table[end].theirs, kLayer)) ++end;
    for (std::int64_t layer = 0; layer < dimensions.num_layers && end > begin; ++layer)
      for (std::size_t i = begin; i < end; ++i) expansion.add(table[i], layer);
    if (end == begin) expansion.add(table[end++], 0);
    begin = end;
  }
  return std::move(expansion).rows();
}

}  // namespace longspan::interop
