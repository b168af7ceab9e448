// The model's variants: shapes, losses that agree with log-probabilities, gradients,
// initialisation, loading.

#include "longspan/model/transformer.h"

#include <cmath>
#include <map>

#include "longspan/core/error.h"
#include "support/tensors.h"
#include "unit/model/variants.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using namespace longspan::testing;

TEST_CASE("every variant: loss = -sum of target log-probabilities, and probabilities sum to one") {
  const auto name = GENERATE(from_range(variant_names()));
  INFO(name);
  const auto model = make(variants().at(name));
  const auto features = model.features(kInputs, {});
  const auto loss = model.loss_sum(features, targets(), {});
  const auto counted = targets().flatten().ge(0).nonzero().squeeze(1);
  const auto features_ND = features.detach().reshape({-1, 16}).index_select(0, counted);
  const auto targets_N = targets().flatten().index_select(0, counted);
  const auto log_p = model.target_log_probabilities(features_ND, targets_N);
  CHECK(std::abs(loss.item<double>() + log_p.sum().item<double>()) < 1e-4);
  const auto all = model.log_probabilities(features_ND);
  CHECK(all.sizes() == at::IntArrayRef{11, kVocabSize});
  CHECK(difference(all.exp().sum(1), at::ones({11}), 1e-5) == "");
  CHECK(difference(all.gather(1, targets_N.unsqueeze(1)).squeeze(1), log_p, 1e-5) == "");
}

TEST_CASE("every variant: all gradients pass the float64 check, dropouts on") {
  const auto name = GENERATE(from_range(variant_names()));
  INFO(name);
  auto config = variants().at(name);
  config.num_layers = 1;
  if (config.activation == Activation::Relu)
    config.activation = Activation::Gelu;  // a difference across ReLU's kink is no derivative
  const double tail = config.embedding.kind == EmbeddingKind::Adaptive ? 0.2 : 0.0;
  config.dropout = {0.1, 0.2, 0.1, 0.2, 0.1, tail};
  const auto model = make(config, at::kDouble);
  const TrainingRandomness randomness{1, 2, at::tensor({30, 31}, at::kLong)};
  ForwardOptions options;
  options.randomness = &randomness;
  options.compute_dtype = at::kDouble;
  std::vector<at::Tensor> inputs;
  for (const auto& parameter : model.parameters()) {
    inputs.push_back(parameter.tensor);
    if (parameter.name.starts_with("embed") && parameter.name.ends_with("weight") &&
        parameter.tensor.size(0) > 1)
      parameter.tensor.detach().add_(
          testing::random_tensor(parameter.tensor.sizes(), 8, at::kDouble), 0.3);  // no zero rows
  }
  const auto loss = [&] {
    return model.loss_sum(model.features(kInputs, options), targets(), options);
  };
  CHECK(testing::check_gradients(loss, inputs, 2e-6) == "");
}

TEST_CASE("every variant: the maxima of layers are those of their outputs") {
  const auto name = GENERATE(from_range(variant_names()));
  INFO(name);
  auto config = variants().at(name);
  config.final_norm = false;
  config.num_layers = 2;
  const auto model = make(config);
  config.num_layers = 1;  // whose features are the output of the first layer
  auto first = make(config);
  NamedTensors of_first;
  for (const auto& parameter : model.parameters())
    if (!parameter.name.starts_with("layers.1.")) of_first.push_back(parameter);
  first.load_parameters(of_first);
  for (const bool recomputed : {false, true}) {
    std::vector<at::Tensor> maxima_L;
    ForwardOptions options;
    options.activation_checkpointing = recomputed;
    options.layer_maxima = &maxima_L;
    const auto features = model.features(kInputs, options);
    REQUIRE(maxima_L.size() == 2);
    CHECK(maxima_L[0].equal(first.features(kInputs, {}).abs().max()));
    CHECK(maxima_L[1].equal(features.abs().max()));
    CHECK_FALSE(maxima_L[1].requires_grad());
    CHECK(features.equal(model.features(kInputs, {})));
  }
}

TEST_CASE("bf16 and fp16 products stay near the float32 loss and give float32 gradients") {
  const auto [dtype, rounding] =
      GENERATE(table<at::ScalarType, double>({{at::kBFloat16, 0x1p-9}, {at::kHalf, 0x1p-12}}));
  const auto model = make(adaptive(true));
  ForwardOptions half;
  half.compute_dtype = dtype;
  const double exact = model.loss_sum(model.features(kInputs, {}), targets(), {}).item<double>();
  const auto loss = model.loss_sum(model.features(kInputs, half), targets(), half);
  // Each of about ten products in sequence rounds its inputs; logits are of size 1.
  CHECK(std::abs(loss.item<double>() - exact) < 10 * rounding * 11);
  loss.backward();
  for (const auto& parameter : model.parameters())
    CHECK(parameter.tensor.grad().scalar_type() == at::kFloat);
}

TEST_CASE("a batch split into parts gives the same loss with dropout on") {
  auto config = adaptive(true);
  config.dropout = {0.1, 0.2, 0.1, 0.2, 0.1, 0.2};
  const auto model = make(config);
  const auto loss_of = [&](std::int64_t first, std::int64_t count) {
    const TrainingRandomness randomness{1, 2,
                                        at::arange(first + 40, first + 40 + count, at::kLong)};
    ForwardOptions options;
    options.randomness = &randomness;
    return model
        .loss_sum(model.features(kInputs.narrow(0, first, count), options),
                  targets().narrow(0, first, count), options)
        .item<double>();
  };
  CHECK(std::abs(loss_of(0, 2) - loss_of(0, 1) - loss_of(1, 1)) < 1e-5);
}

TEST_CASE("the paper's model has its parameter count") {
  ModelConfig config;
  config.num_layers = 16;
  config.d_model = 1024;
  config.num_heads = config.num_kv_heads = 8;
  config.ffn_dim = 4096;
  config.final_norm = false;
  config.init = InitScheme::Fairseq;
  config.embedding = {.kind = EmbeddingKind::Adaptive,
                      .tie = true,
                      .scale = true,
                      .cutoffs = {20000, 60000},
                      .factor = 4};
  const Transformer model(config, make_position(AlibiOptions{}, {1024, 8, 128, 512}), 267744);
  CHECK(model.num_parameters() == 246933504);
}

TEST_CASE("initialisation is a function of seed and name, with fairseq's bounds") {
  const auto model = make(adaptive(true)), again = make(adaptive(true)),
             untied = make(adaptive(false));
  std::map<std::string, at::Tensor> by_name;
  for (std::size_t i = 0; i < model.parameters().size(); ++i) {
    CHECK(model.parameters()[i].tensor.equal(again.parameters()[i].tensor));
    by_name[model.parameters()[i].name] = model.parameters()[i].tensor.detach();
  }
  for (const auto& parameter : untied.parameters())
    if (by_name.contains(parameter.name)) CHECK(parameter.tensor.equal(by_name[parameter.name]));
  const auto largest = [&](const std::string& name) {
    return by_name.at(name).abs().max().item<double>();
  };
  const double q_bound = std::sqrt(0.5) * std::sqrt(6.0 / 32.0);
  CHECK(largest("layers.0.attn.q.weight") <= q_bound);
  CHECK(largest("layers.0.attn.q.weight") > 0.9 * q_bound);
  CHECK(largest("layers.0.attn.q.bias") > 0.1);
  CHECK(largest("layers.0.attn.q.bias") <= 0.25);
  CHECK(largest("layers.1.attn.out.bias") == 0.0);
}

TEST_CASE("fairseq's dialect zeroes row 1 of every band, and no other dialect does") {
  for (const bool fairseq : {false, true}) {
    auto config = adaptive(true);
    if (fairseq) config.dialect = Dialect::Fairseq;
    std::int64_t bands = 0;
    const auto model = make(config);
    for (const auto& [name, tensor] : model.parameters()) {
      if (!name.starts_with("embed.band") || name.ends_with("proj.weight")) continue;
      CHECK((tensor[1].abs().max().item<double>() == 0.0) == fairseq);
      CHECK(tensor[2].abs().max().item<double>() > 0.0);
      ++bands;
    }
    CHECK(bands == 3);
  }
}

TEST_CASE("fairseq's dialect leaves out the tail's part of targets with number 1 in their band") {
  auto config = adaptive(true);
  const auto plain = make(config);
  config.dialect = Dialect::Fairseq;
  auto dialect = make(config);
  dialect.load_parameters(plain.parameters());
  const auto loss = [](const Transformer& model, std::int64_t target) {
    const auto targets_BT = at::full({1, 1}, target, at::kLong);
    return model
        .loss_sum(model.features(kInputs.narrow(0, 0, 1).narrow(1, 0, 1), {}), targets_BT, {})
        .item<double>();
  };
  for (const std::int64_t kept : {1, 6, 7, 9, 15, 17})
    CHECK(loss(dialect, kept) == loss(plain, kept));
  for (const std::int64_t dropped : {8, 16}) {
    CHECK(loss(dialect, dropped) < loss(plain, dropped));
  }
}

TEST_CASE("loading names the tensor that is missing, extra or misshapen") {
  auto model = make(small());
  const auto error_of = [&](const NamedTensors& values) {
    try {
      model.load_parameters(values);
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Checkpoint);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  NamedTensors values;
  const auto other = make(small());
  for (const auto& parameter : other.parameters())
    values.push_back({parameter.name, parameter.tensor.detach() + 1});
  CHECK(error_of(values) == "no error");
  CHECK(model.parameters()[3].tensor.equal(values[3].tensor));
  auto missing = values;
  missing.erase(missing.begin() + 2);
  CHECK_THAT(error_of(missing), ContainsSubstring(values[2].name));
  auto extra = values;
  extra.push_back({"surplus", at::zeros({2})});
  CHECK_THAT(error_of(extra), ContainsSubstring("surplus"));
  auto misshapen = values;
  misshapen[1].tensor = at::zeros({3, 5});
  CHECK_THAT(error_of(misshapen), ContainsSubstring(values[1].name) && ContainsSubstring("[3, 5]"));
  CHECK_THROWS_WITH(model.load_parameters(extra, "start.safetensors"),
                    "start.safetensors must have no tensors beyond the model's, got surplus; is it "
                    "of another model?");
}

TEST_CASE("cutoffs past the vocabulary are refused") {
  auto config = adaptive(true);
  config.embedding.cutoffs = {7, 40};
  CHECK_THROWS_AS(make(config), Error);
}

}  // namespace
}  // namespace longspan
