// fairseq's transformer language model in our names. Every tensor of the checkpoint must be either
// understood, a copy of one that is, or known to carry nothing; shapes decide the configuration.

#include "interop/fairseq_options.h"
#include "interop/fairseq_weights.h"
#include "interop/folder_file.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/interop/portable_model.h"
#include "longspan/position/position.h"

namespace longspan {
namespace interop {
namespace {

constexpr std::int64_t kMaxFactor = 1024;

// The factor by which each band is narrower than the one before.
std::int64_t find_factor(const std::string& source, const std::vector<FairseqBand>& bands) {
  const auto fits = [&](std::int64_t factor) {
    std::int64_t divisor = 1;
    for (const auto& band : bands) {
      if (band.width != bands[0].width / divisor) return false;
      if (divisor <= bands[0].width) divisor *= factor;
    }
    return true;
  };
  for (std::int64_t factor = 1; factor <= kMaxFactor; ++factor)
    if (fits(factor)) return factor;
  std::vector<std::int64_t> widths;
  for (const auto& band : bands) widths.push_back(band.width);
  throw Error(ErrorKind::Data,
              concat(source,
                     ": the bands of decoder.embed_tokens must each be narrower by "
                     "one factor, got widths ",
                     Json(widths).dump()));
}

std::string embedding_yaml(const std::string& source, const FairseqShape& shape,
                           const FairseqOptions& options) {
  const char* scale = options.scale_embedding ? "true}" : "false}";
  if (shape.bands.empty())
    return concat("{kind: plain, tie: ", options.share_embedding ? "true" : "false",
                  ", scale: ", scale);
  std::vector<std::int64_t> cutoffs;
  std::int64_t end = 0;
  for (const auto& band : shape.bands) cutoffs.push_back(end += band.rows);
  cutoffs.pop_back();
  return concat("{kind: adaptive, cutoffs: ", Json(cutoffs).dump(),
                ", factor: ", find_factor(source, shape.bands), ", tie: true, scale: ", scale);
}

std::string dropout_yaml(const DropoutConfig& dropout, bool adaptive) {
  const auto number = [](double value) { return Json(value).dump(); };
  std::string yaml = concat(
      "{embedding: ", number(dropout.embedding), ", residual: ", number(dropout.residual),
      ", attention: ", number(dropout.attention), ", activation: ", number(dropout.activation));
  if (adaptive) yaml += concat(", head: ", number(dropout.head), ", tail: ", number(dropout.tail));
  return yaml + "}";
}

// Takes a map in flow or block form, or the name of a kind alone.
std::string position_yaml(const std::string& position) {
  if (position.find(':') == std::string::npos) return "position: {kind: " + position + "}\n";
  std::string yaml = "position:\n  ";
  for (const char c : position) yaml += c == '\n' ? std::string("\n  ") : std::string(1, c);
  return yaml + "\n";
}

std::string config_yaml(const std::string& source, const FairseqShape& shape,
                        const FairseqOptions& options) {
  const WeightDimensions& dimensions = shape.dimensions;
  return concat("model:\n  num_layers: ", dimensions.num_layers,
                "\n  d_model: ", dimensions.d_model, "\n  num_heads: ", options.num_heads,
                "\n  ffn_dim: ", dimensions.ffn_dim, "\n  activation: ", options.activation,
                "\n  norm: layernorm\n  norm_placement: ", options.norm_placement,
                "\n  final_norm: ", dimensions.final_norm ? "true" : "false",
                "\n  bias: true\n  init: fairseq\n  dialect: fairseq\n  embedding: ",
                embedding_yaml(source, shape, options),
                "\n  dropout: ", dropout_yaml(options.dropout, !shape.bands.empty()), "\n");
}

// What the checkpoint tells of positions must not speak against the method that it is told to be.
void check_position(const std::string& source, const WeightDimensions& dimensions,
                    const FairseqOptions& options, const std::string& yaml) {
  const auto document = config::Document::from_text(yaml, "the imported configuration");
  const PositionConfig position = read_position_config(document.root().section("position"));
  check(position.kind != "sinusoidal" || options.position_embedding, ErrorKind::Data, source,
        ": option no_token_positional_embeddings must be False for sinusoidal positions, got True");
  const auto method =
      position.make({dimensions.d_model, options.num_heads, dimensions.d_model / options.num_heads,
                     options.seq_len, dimensions.num_layers});
  check(method->parameters().empty(), ErrorKind::Data, source,
        ": must hold the tensors of the position method, it has none for ", position.kind);
}

}  // namespace
}  // namespace interop

PortableModel import_fairseq(const std::filesystem::path& checkpoint, const std::string& position) {
  using namespace interop;
  check_is_downloaded(checkpoint);
  TorchFile file(checkpoint);
  StateDict state(file);
  const FairseqOptions options = read_fairseq_options(file);
  const FairseqShape shape = read_fairseq_shape(state, options.share_embedding);
  const WeightDimensions& dimensions = shape.dimensions;
  PortableModel result;
  result.parameters = import_weights(fairseq_rows(shape), state);
  state.finish();
  check(dimensions.d_model % options.num_heads == 0, ErrorKind::Data, file.source(),
        ": option decoder_attention_heads must divide the width of the model (", dimensions.d_model,
        "), got ", options.num_heads);
  result.config_yaml = config_yaml(file.source(), shape, options) + position_yaml(position);
  check_position(file.source(), dimensions, options, result.config_yaml);
  result.vocab_size = dimensions.vocab_size;
  result.seq_len = options.seq_len;
  return result;
}

}  // namespace longspan
