// The contract of every position method, through a whole small model: it loops over the table of
// kinds.

#include "longspan/position/position.h"

#include <cmath>

#include "longspan/core/error.h"
#include "longspan/model/transformer.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::random_tensor;

constexpr std::int64_t kTrainedLength = 11, kVocabSize = 17, kDModel = 12, kHeads = 3;

Transformer make_model(const PositionOptions& options, at::ScalarType dtype = at::kFloat) {
  ModelConfig config;
  config.num_layers = 2;
  config.d_model = kDModel;
  config.num_heads = config.num_kv_heads = kHeads;
  config.ffn_dim = 20;
  config.init = InitScheme::Fairseq;
  Transformer model(config,
                    make_position(options, {kDModel, kHeads, config.head_dim(), kTrainedLength,
                                            config.num_layers}),
                    kVocabSize);
  model.initialize(5);
  for (const auto& parameter : model.parameters()) {
    at::Tensor tensor = parameter.tensor;
    tensor.set_data(tensor.detach().to(dtype));
  }
  return model;
}

Transformer make_model(const std::string& kind, at::ScalarType dtype = at::kFloat) {
  return make_model(default_position_options(kind), dtype);
}

at::Tensor some_ids(std::int64_t B, std::int64_t T) {
  return at::arange(B * T, at::kLong).mul(7).add(3).remainder(kVocabSize).view({B, T});
}

ForwardOptions in(at::ScalarType dtype) {
  ForwardOptions options;
  options.compute_dtype = dtype;
  return options;
}

TEST_CASE("every kind keeps shape, dtype and device") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto dtype = GENERATE(at::kFloat, at::kDouble);
  const auto features = make_model(kind, dtype).features(some_ids(2, 7), in(dtype));
  CHECK(features.sizes() == at::IntArrayRef{2, 7, kDModel});
  CHECK(features.scalar_type() == dtype);
  CHECK(features.isfinite().all().item<bool>());
}

TEST_CASE("every kind keeps a document apart from the one in front of it where it is told to") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind, at::kDouble);
  const auto ids = some_ids(2, 11);
  auto other = ids.clone();
  other.narrow(1, 0, 5).add_(1).remainder_(kVocabSize);
  ForwardOptions options = in(at::kDouble);
  const auto tail = [&](const at::Tensor& of) {
    return model.features(of, options).narrow(1, 5, 6);
  };
  CHECK_FALSE(tail(ids).equal(tail(other)));
  options.first_seen_BT = at::zeros({2, 11}, at::kInt);
  CHECK(tail(ids).equal(model.features(ids, in(at::kDouble)).narrow(1, 5, 6)));
  options.first_seen_BT.narrow(1, 5, 6).fill_(5);
  CHECK(tail(ids).equal(tail(other)));
  options.activation_checkpointing = true;
  CHECK(tail(ids).equal(tail(other)));
}

TEST_CASE("every kind passes the gradient check in float64") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind, at::kDouble);
  const auto ids = some_ids(2, 6);
  const auto weights = random_tensor({2, 6, kDModel}, 9, at::kDouble);
  std::vector<at::Tensor> inputs;
  for (const auto& parameter : model.parameters())
    if (parameter.name.starts_with("position.") || parameter.name == "layers.0.attn.q.weight" ||
        parameter.name == "layers.1.attn.k.weight")
      inputs.push_back(parameter.tensor);
  CHECK(testing::check_gradients(
            [&] { return model.features(ids, in(at::kDouble)).mul(weights).sum(); }, inputs) == "");
}

TEST_CASE("no kind lets a later token change an earlier feature") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind);
  auto ids = some_ids(1, 10);
  const auto before = model.features(ids, in(at::kFloat));
  ids[0][7] = (ids[0][7] + 1).remainder(kVocabSize);
  const auto after = model.features(ids, in(at::kFloat));
  CHECK(before.narrow(1, 0, 7).equal(after.narrow(1, 0, 7)));
  CHECK_FALSE(before.narrow(1, 7, 3).equal(after.narrow(1, 7, 3)));
}

TEST_CASE("every kind decodes step by step as it reads the whole sequence") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind, at::kDouble);
  const auto ids = some_ids(2, 9);
  const auto whole = model.features(ids, in(at::kDouble));
  KeyValueCache cache(12);
  ForwardOptions options = in(at::kDouble);
  options.cache = &cache;
  std::int64_t done = 0;
  for (const std::int64_t count : {3, 1, 1, 4}) {  // pieces of one and of several
    const auto piece = model.features(ids.narrow(1, done, count), options);
    CHECK(difference(piece, whole.narrow(1, done, count), 1e-10) == "");
    done += count;
  }
  CHECK(cache.num_positions() == 9);
}

TEST_CASE("every kind reads beyond the trained length or says why not") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind);
  const std::int64_t longer = 5 * kTrainedLength;
  const auto limit = model.position().max_positions();
  if (!limit || *limit >= longer) {
    CHECK(model.features(some_ids(1, longer), in(at::kFloat)).isfinite().all().item<bool>());
    return;
  }
  try {
    model.features(some_ids(1, longer), in(at::kFloat));
    FAIL("a sequence past max_positions was accepted");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    CHECK_THAT(error.what(), Catch::Matchers::ContainsSubstring(
                                 std::to_string(*model.position().max_positions())) &&
                                 Catch::Matchers::ContainsSubstring(std::to_string(longer)));
  }
}

TEST_CASE(
    "every kind but none tells two orders of the same tokens apart in its first layer's output") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const auto model = make_model(kind, at::kDouble);
  if (kind == "t5")  // its table may start with equal entries
    for (const auto& parameter : model.parameters())
      if (parameter.name == "position.t5.weight")
        parameter.tensor.detach().copy_(random_tensor({32, kHeads}, 4, at::kDouble));
  const auto forth = at::tensor({2, 5, 9, 4}, at::kLong).unsqueeze(0),
             back = at::tensor({5, 2, 9, 4}, at::kLong).unsqueeze(0);
  const auto gap = (model.features(forth, in(at::kDouble)) - model.features(back, in(at::kDouble)))
                       .select(1, 3)
                       .abs()
                       .max();
  CHECK(gap.item<double>() > 1e-6);
}

TEST_CASE("a bias of its own for each layer reaches that layer, recomputed or not") {
  const auto shared = make_model("t5", at::kDouble);
  auto own = make_model(T5Options{.shared = false}, at::kDouble);
  NamedTensors values = shared.parameters();
  const auto table = random_tensor({32, kHeads}, 4, at::kDouble);
  for (auto& value : values)
    if (value.name == "position.t5.weight") value.tensor.detach().copy_(table);
  std::erase_if(values, [](const auto& value) { return value.name == "position.t5.weight"; });
  for (const std::string layer : {"0", "1"})
    values.push_back({"position.t5.layers." + layer + ".weight", table});
  own.load_parameters(values);
  const auto ids = some_ids(2, 6);
  const auto before = own.features(ids, in(at::kDouble));
  CHECK(before.equal(shared.features(ids, in(at::kDouble))));

  const auto gradients_of_tables = [&](bool recompute) {
    ForwardOptions options = in(at::kDouble);
    options.activation_checkpointing = recompute;
    std::vector<at::Tensor> gradients;
    for (const auto& parameter : own.parameters())
      if (parameter.tensor.grad().defined()) parameter.tensor.mutable_grad().reset();
    own.features(ids, options).square().sum().backward();
    for (const auto& parameter : own.position().parameters())
      gradients.push_back(parameter.tensor.grad().clone());
    return gradients;
  };
  const auto kept = gradients_of_tables(false), recomputed = gradients_of_tables(true);
  REQUIRE(kept.size() == 2);
  CHECK_FALSE(kept[0].equal(kept[1]));
  for (const std::size_t i : {0, 1}) CHECK(recomputed[i].equal(kept[i]));

  own.position().parameters()[1].tensor.detach()[0].add_(1.0);
  CHECK_FALSE(own.features(ids, in(at::kDouble)).equal(before));
}

TEST_CASE("methods differ only in their own parameters") {
  const auto kind = GENERATE(from_range(position_kinds()));
  std::int64_t own = 0;
  const auto model = make_model(kind);
  for (const auto& parameter : model.position().parameters()) own += parameter.tensor.numel();
  CHECK(model.num_parameters() - own == make_model("none").num_parameters());
}

}  // namespace
}  // namespace longspan
