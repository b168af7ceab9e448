// fairseq's names for the tensors of a language model. q, k and v were one matrix until 2019; the
// head was called embed_out before version 0.10, and was not stored when it was tied.

#include "interop/fairseq_weights.h"

#include "longspan/core/error.h"

namespace longspan::interop {
namespace {

constexpr WeightPattern kEnds[] = {
    {"decoder.embed_tokens.weight", "embed.weight", "VD"},
    {"decoder.embed_out", "head.weight", "VD", When::Untied, Packing::Single, Stored::Spare},
    {"decoder.output_projection.weight", "head.weight", "VD", When::Untied, Packing::Single,
     Stored::Optional},
    {"decoder.embed_out", "embed.weight", "VD", When::Tied, Packing::Single, Stored::Spare},
    {"decoder.output_projection.weight", "embed.weight", "VD", When::Tied, Packing::Single,
     Stored::Optional},
};

constexpr WeightPattern kBody[] = {
    {"decoder.layers.*.self_attn_layer_norm.weight", "layers.*.attn_norm.weight", "D"},
    {"decoder.layers.*.self_attn_layer_norm.bias", "layers.*.attn_norm.bias", "D"},
    {"decoder.layers.*.self_attn.in_proj_weight", "layers.*.attn.#.weight", "PD", When::Always,
     Packing::Blocks, Stored::Spare},
    {"decoder.layers.*.self_attn.in_proj_bias", "layers.*.attn.#.bias", "P", When::Always,
     Packing::Blocks, Stored::Spare},
    {"decoder.layers.*.self_attn.#_proj.weight", "layers.*.attn.#.weight", "PD", When::Always,
     Packing::Single, Stored::Optional},
    {"decoder.layers.*.self_attn.#_proj.bias", "layers.*.attn.#.bias", "P", When::Always,
     Packing::Single, Stored::Optional},
    {"decoder.layers.*.self_attn.out_proj.weight", "layers.*.attn.out.weight", "DD"},
    {"decoder.layers.*.self_attn.out_proj.bias", "layers.*.attn.out.bias", "D"},
    {"decoder.layers.*.final_layer_norm.weight", "layers.*.ffn_norm.weight", "D"},
    {"decoder.layers.*.final_layer_norm.bias", "layers.*.ffn_norm.bias", "D"},
    {"decoder.layers.*.fc1.weight", "layers.*.ffn.fc1.weight", "FD"},
    {"decoder.layers.*.fc1.bias", "layers.*.ffn.fc1.bias", "F"},
    {"decoder.layers.*.fc2.weight", "layers.*.ffn.fc2.weight", "DF"},
    {"decoder.layers.*.fc2.bias", "layers.*.ffn.fc2.bias", "D"},
    {"decoder.layer_norm.weight", "final_norm.weight", "D", When::FinalNorm},
    {"decoder.layer_norm.bias", "final_norm.bias", "D", When::FinalNorm},
};

std::string band_name(std::size_t band) {
  return concat("decoder.embed_tokens.embeddings.", band, ".");
}

WeightRow row(std::string theirs, std::string ours, std::vector<std::int64_t> sizes) {
  return {.theirs = std::move(theirs), .ours = {std::move(ours)}, .sizes = {std::move(sizes)}};
}

// The head's matrices are the bands' own; the first band's projection is the input's alone.
void add_bands(const FairseqShape& shape, std::vector<WeightRow>& rows) {
  const std::int64_t d_model = shape.dimensions.d_model;
  const std::string softmax = "decoder.adaptive_softmax.";
  for (std::size_t band = 0; band < shape.bands.size(); ++band) {
    const auto [symbols, width] = shape.bands[band];
    const std::string ours = concat("embed.band", band), tail = concat(softmax, "tail.", band - 1);
    rows.push_back(row(band_name(band) + "0.weight", ours + ".weight", {symbols, width}));
    rows.push_back(row(band_name(band) + "1.weight", ours + ".proj.weight", {d_model, width}));
    rows.push_back(row(band == 0 ? softmax + "head.word_proj.weight" : tail + ".2.weight",
                       ours + ".weight", {symbols, width}));
    if (band > 0) rows.push_back(row(tail + ".0.weight", ours + ".proj.weight", {d_model, width}));
  }
  const auto num_tails = static_cast<std::int64_t>(shape.bands.size()) - 1;
  rows.push_back(
      row(softmax + "head.class_proj.weight", "head.cluster.weight", {num_tails, d_model}));
}

void read_bands(const StateDict& state, FairseqShape& shape) {
  for (std::size_t band = 0; state.has(band_name(band) + "0.weight"); ++band) {
    const auto sizes = state.sizes(band_name(band) + "0.weight", 2);
    shape.bands.push_back({sizes[0], sizes[1]});
    shape.dimensions.vocab_size += sizes[0];
  }
  check(shape.bands.size() > 1, ErrorKind::Data, state.place(),
        ": decoder.embed_tokens must have at least two bands, got one");
  shape.dimensions.d_model = shape.bands[0].width;
}

void read_matrix(const StateDict& state, FairseqShape& shape) {
  const auto sizes = state.sizes("decoder.embed_tokens.weight", 2);
  shape.dimensions.vocab_size = sizes[0];
  shape.dimensions.d_model = sizes[1];
}

std::string inner_name(std::int64_t layer) {
  return concat("decoder.layers.", layer, ".fc1.weight");
}

}  // namespace

FairseqShape read_fairseq_shape(const StateDict& state, bool tie) {
  FairseqShape shape;
  WeightDimensions& dimensions = shape.dimensions;
  dimensions.tie = tie;
  state.has(band_name(0) + "0.weight") ? read_bands(state, shape) : read_matrix(state, shape);
  dimensions.q_dim = dimensions.kv_dim = dimensions.d_model;
  while (state.has(inner_name(dimensions.num_layers))) ++dimensions.num_layers;
  check(dimensions.num_layers > 0, ErrorKind::Data, state.place(),
        ": must hold at least one layer (decoder.layers.0), found none");
  dimensions.ffn_dim = state.sizes(inner_name(0), 2)[0];
  dimensions.final_norm = state.has("decoder.layer_norm.weight");
  return shape;
}

std::vector<WeightRow> fairseq_rows(const FairseqShape& shape) {
  std::vector<WeightRow> rows;
  if (shape.bands.empty())
    rows = rows_of(kEnds, shape.dimensions);
  else
    add_bands(shape, rows);
  const std::vector<WeightRow> body = rows_of(kBody, shape.dimensions);
  rows.insert(rows.end(), body.begin(), body.end());
  return rows;
}

}  // namespace longspan::interop
