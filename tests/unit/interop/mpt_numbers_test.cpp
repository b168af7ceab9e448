// MPT's numbers of attention against a plain reading of what llm-foundry computes with them:
// transformers has no alibi_bias_max.

#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "unit/interop/huggingface_folder.h"
#include "unit/interop/our_model.h"

namespace longspan {
namespace {

constexpr std::int64_t kWidth = 8, kHeads = 2, kHeadDim = 4;

struct Numbers {
  double clip_qkv, softmax_scale, alibi_bias_max;
};

// The tiny MPT of one layer, in float64.
class PlainMpt {
 public:
  PlainMpt(const NamedTensors& weights, const Numbers& numbers)
      : weights_(weights), numbers_(numbers) {}

  at::Tensor log_probabilities(const at::Tensor& ids_T) const {
    const std::string block = "transformer.blocks.0.";
    const at::Tensor wte = weight("transformer.wte");
    at::Tensor x_TD = wte.index_select(0, ids_T);
    const at::Tensor qkv = normed(x_TD, block + "norm_1").matmul(weight(block + "attn.Wqkv").t());
    x_TD = x_TD + attend(qkv).matmul(weight(block + "attn.out_proj").t());
    const at::Tensor inner =
        normed(x_TD, block + "norm_2").matmul(weight(block + "ffn.up_proj").t());
    x_TD = x_TD + at::gelu(inner).matmul(weight(block + "ffn.down_proj").t());
    return normed(x_TD, "transformer.norm_f").matmul(wte.t()).log_softmax(-1);
  }

 private:
  at::Tensor weight(const std::string& name) const {
    for (const auto& one : weights_)
      if (one.name == name + ".weight") return one.tensor.to(at::kDouble);
    FAIL("no " << name);
    return {};
  }
  at::Tensor normed(const at::Tensor& x, const std::string& name) const {
    return at::layer_norm(x, {kWidth}, weight(name), {}, 1e-5);
  }
  at::Tensor attend(at::Tensor qkv) const {
    if (numbers_.clip_qkv > 0.0) qkv = qkv.clamp(-numbers_.clip_qkv, numbers_.clip_qkv);
    const std::int64_t T = qkv.size(0);
    at::Tensor mixed = at::zeros({T, kWidth}, at::kDouble);
    for (std::int64_t head = 0; head < kHeads; ++head) {
      const auto part = [&](std::int64_t which) {
        return qkv.narrow(1, which * kWidth + head * kHeadDim, kHeadDim);
      };
      const double slope = std::exp2(-numbers_.alibi_bias_max * double(head + 1) / kHeads);
      for (std::int64_t i = 0; i < T; ++i) {
        at::Tensor scores = at::zeros({i + 1}, at::kDouble);
        for (std::int64_t j = 0; j <= i; ++j)
          scores[j] = numbers_.softmax_scale * part(0)[i].dot(part(1)[j]) - slope * double(i - j);
        mixed[i]
            .narrow(0, head * kHeadDim, kHeadDim)
            .copy_(scores.softmax(0).matmul(part(2).narrow(0, 0, i + 1)));
      }
    }
    return mixed;
  }

  const NamedTensors& weights_;
  Numbers numbers_;
};

TEST_CASE("mpt: clip_qkv, softmax_scale and alibi_bias_max are what llm-foundry makes of them") {
  const double scale = 1.0 / std::sqrt(double(kHeadDim));
  const at::Tensor ids_T = at::tensor({3, 11, 0, 7, 7, 2, 9, 5, 1}, at::kLong);
  for (const Numbers& numbers :
       {Numbers{0.0, scale, 8.0}, Numbers{0.4, scale, 8.0}, Numbers{0.0, 1.7, 8.0},
        Numbers{0.0, scale, 2.5}, Numbers{0.4, 1.7, 2.5}}) {
    INFO("clip_qkv " << numbers.clip_qkv << ", softmax_scale " << numbers.softmax_scale
                     << ", alibi_bias_max " << numbers.alibi_bias_max);
    Json config = testing::tiny_config("mpt");
    config["attn_config"].update({{"clip_qkv", numbers.clip_qkv},
                                  {"softmax_scale", numbers.softmax_scale},
                                  {"alibi_bias_max", numbers.alibi_bias_max}});
    const testing::HuggingFaceFolder folder(config);
    const NamedTensors weights = read_safetensors(folder.path() / "model.safetensors");
    const at::Tensor wanted = PlainMpt(weights, numbers).log_probabilities(ids_T),
                     plain = PlainMpt(weights, {0.0, scale, 8.0}).log_probabilities(ids_T);
    const at::Tensor got = testing::OurModel(import_huggingface(folder.path()))
                               .log_probabilities(ids_T.unsqueeze(0))
                               .to(at::kDouble);
    CHECK((got - wanted).abs().max().item<double>() < 1e-5);
    const bool is_plain =
        numbers.clip_qkv == 0.0 && numbers.softmax_scale == scale && numbers.alibi_bias_max == 8.0;
    CHECK(((wanted - plain).abs().max().item<double>() < 1e-3) == is_plain);
  }
}

}  // namespace
}  // namespace longspan
