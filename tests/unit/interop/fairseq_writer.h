#pragma once

#include <map>
#include <string>
#include <vector>

#include "unit/interop/torch_writer.h"

namespace longspan::testing {

/// A tiny fairseq checkpoint to be changed at will: 2 layers of width 4, 6 wide inside, 10 ids, one
/// tied matrix, post-norm unless said otherwise.
struct FairseqCheckpoint {
  std::map<std::string, std::vector<std::int64_t>> shapes;  ///< of the tensors behind "decoder."
  std::map<std::string, std::string> options;               ///< pickled values
  std::map<std::string, std::string> same;  ///< tensors that repeat another's values

  FairseqCheckpoint() {
    shapes = {{"version", {1}},
              {"embed_tokens.weight", {10, 4}},
              {"embed_positions._float_tensor", {1}},
              {"output_projection.weight", {10, 4}}};
    same = {{"output_projection.weight", "embed_tokens.weight"}};
    for (const std::string layer : {"layers.0.", "layers.1."}) {
      for (const std::string part : {"q", "k", "v", "out"})
        add_linear(layer + "self_attn." + part + "_proj", 4, 4);
      add_linear(layer + "fc1", 6, 4);
      add_linear(layer + "fc2", 4, 6);
      add_norm(layer + "self_attn_layer_norm");
      add_norm(layer + "final_layer_norm");
    }
    options = {{"decoder_attention_heads", integer(2)},
               {"activation_fn", text("gelu_accurate")},
               {"tokens_per_sample", integer(16)},
               {"share_decoder_input_output_embed", boolean(1)},
               {"dropout", "G" + std::string("\x3f\xd0", 2) + std::string(6, '\0')},  // 0.25
               {"adaptive_softmax_cutoff", "N"}};
  }

  void add_linear(const std::string& name, std::int64_t out, std::int64_t in) {
    shapes[name + ".weight"] = {out, in};
    shapes[name + ".bias"] = {out};
  }
  void add_norm(const std::string& name) {
    shapes[name + ".weight"] = {4};
    shapes[name + ".bias"] = {4};
  }

  std::string bytes() const {
    std::string tensors, pairs;
    Storages storages;
    for (const auto& [name, shape] : shapes) {
      const auto original = same.find(name);
      const std::string& source = original == same.end() ? name : original->second;
      std::int64_t count = 1;
      for (const std::int64_t size : shape) count *= size;
      std::vector<float> values;
      for (std::int64_t i = 0; i < count; ++i) values.push_back(value_of(source, i));
      std::vector<std::int64_t> strides(shape.size(), 1);
      for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
      tensors += text("decoder." + name) +
                 tensor(name, {"FloatStorage", count, 0, numbers(shape), numbers(strides)});
      storages[name] = raw(values);
    }
    for (const auto& [key, value] : options) pairs += text(key) + value;
    return zip_file(dict(text("args") + "N" + text("cfg") + dict(text("model") + dict(pairs)) +
                         text("model") + ordered_dict(tensors)),
                    storages);
  }

  /// Returns element i of a tensor: different for each tensor.
  static float value_of(const std::string& name, std::int64_t i) {
    unsigned sum = 0;
    for (const char c : name) sum = sum * 31 + static_cast<unsigned char>(c);
    return static_cast<float>(sum % 1000) / 1000.0f + static_cast<float>(i) / 64.0f;
  }
};

}  // namespace longspan::testing
