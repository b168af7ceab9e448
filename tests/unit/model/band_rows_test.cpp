// Rows by band, found on the host, against what the model finds by itself.

#include "longspan/model/band_rows.h"

#include "longspan/core/error.h"
#include "longspan/model/transformer.h"
#include "model/taken_rows.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr std::int64_t kVocabSize = 29;
const std::vector<VocabularyBand> kBands{{0, 3, 8}, {3, 5, 4}, {5, 9, 2}};

Transformer make(EmbeddingKind kind) {
  ModelConfig config;
  config.num_layers = 1;
  config.d_model = 16;
  config.num_heads = config.num_kv_heads = 4;
  config.ffn_dim = 24;
  config.dropout.tail = 0.2;
  config.embedding = {.kind = kind, .tie = true, .scale = true, .cutoffs = {7, 15}, .factor = 2};
  if (kind == EmbeddingKind::Plain) config.embedding.cutoffs.clear();
  Transformer model(config, make_position(AlibiOptions{}, {16, 4, 4, 8}), kVocabSize);
  model.initialize(3);
  return model;
}

TEST_CASE("rows are listed band by band, and their order is the way back") {
  const auto found = find_band_rows(kBands, std::vector<std::int64_t>{4, 0, 8, 2, 3, 5, 1});
  CHECK(found.counts == std::vector<std::int64_t>{3, 2, 2});
  CHECK(found.rows_M.equal(at::tensor({1, 3, 6, 0, 4, 2, 5}, at::kLong)));
  CHECK(found.ids_M.equal(at::tensor({0, 2, 1, 1, 0, 3, 0}, at::kLong)));
  CHECK(found.of_band(found.rows_M, 1).equal(at::tensor({0, 4}, at::kLong)));
  CHECK(found.order_N.equal(found.rows_M.argsort()));
}

TEST_CASE("a row outside all bands is at the end of the order") {
  const auto found =
      find_band_rows(std::span(kBands).first(2), std::vector<std::int64_t>{-1, 1, 5, 4});
  CHECK(found.counts == std::vector<std::int64_t>{1, 1});
  CHECK(found.rows_M.equal(at::tensor({1, 3}, at::kLong)));
  CHECK(found.order_N.equal(at::tensor({2, 0, 2, 1}, at::kLong)));
}

TEST_CASE("a target of a later band stands for its cluster in the head") {
  const std::vector<std::int64_t> targets{4, 0, 8, -1, 3, 6, 1};
  const auto found = find_target_rows(kBands, targets, Dialect::None);
  CHECK(found.head_ids_N.equal(at::tensor({3, 0, 4, -1, 3, 4, 1}, at::kLong)));
  CHECK(found.tails.counts == std::vector<std::int64_t>{2, 2});
  CHECK(found.tails.rows_M.equal(at::tensor({0, 4, 2, 5}, at::kLong)));
  CHECK(found.tails.ids_M.equal(at::tensor({1, 0, 3, 1}, at::kLong)));
  CHECK(found.tails.order_N.equal(at::tensor({0, 4, 2, 4, 1, 3, 4}, at::kLong)));
  const auto of_fairseq = find_target_rows(kBands, targets, Dialect::Fairseq);
  CHECK(of_fairseq.tails.ids_M.equal(at::tensor({-1, 0, 3, -1}, at::kLong)));
  CHECK(of_fairseq.head_ids_N.equal(found.head_ids_N));
}

TEST_CASE("a vocabulary in one piece has no bands to look up") {
  const auto model = make(EmbeddingKind::Plain);
  const std::vector<std::int64_t> ids{1, 2};
  CHECK(model.band_rows(ids, ids).inputs.counts.empty());
}

struct Outcome {
  at::Tensor loss;
  std::vector<at::Tensor> gradients;
};

Outcome run(const std::vector<std::int64_t>& inputs, const std::vector<std::int64_t>& targets,
            bool told) {
  const auto model = make(EmbeddingKind::Adaptive);
  const PassBandRows rows = model.band_rows(inputs, targets);
  const TrainingRandomness randomness{1, 2, at::tensor({30, 31}, at::kLong)};
  ForwardOptions options;
  options.randomness = &randomness;
  if (told) options.band_rows = &rows;
  const auto ids = [](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::kLong).view({2, -1});
  };
  Outcome outcome{model.loss_sum(model.features(ids(inputs), options), ids(targets), options), {}};
  outcome.loss.backward();
  for (const auto& parameter : model.parameters())
    outcome.gradients.push_back(parameter.tensor.grad());
  return outcome;
}

TEST_CASE("a model that is told the rows has the bits of one that finds them") {
  const std::vector<std::int64_t> inputs{4, 28, 0, 7, 14, 15, 6, 2};
  const auto targets =
      GENERATE(std::vector<std::int64_t>{28, 0, 7, 14, 15, 6, 2, 9},
               std::vector<std::int64_t>{-1, 0, 3, 14, 8, 6, -1, 9},  // none in the last band
               std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 0, -1});
  const auto told = run(inputs, targets, true), found = run(inputs, targets, false);
  CHECK(told.loss.equal(found.loss));
  for (std::size_t i = 0; i < found.gradients.size(); ++i) {
    REQUIRE(told.gradients[i].defined() == found.gradients[i].defined());
    if (found.gradients[i].defined()) CHECK(told.gradients[i].equal(found.gradients[i]));
  }
}

TEST_CASE("rows of other ids than the pass's are an internal error") {
  const auto model = make(EmbeddingKind::Adaptive);
  const auto ids_BT = at::tensor({1, 2}, at::kLong).view({1, 2});
  const std::vector<std::int64_t> three{1, 2, 3}, below{1, -2};
  const PassBandRows other = model.band_rows(three, three), outside = model.band_rows(below, {});
  ForwardOptions options;
  const auto features_BTD = model.features(ids_BT, options);
  for (const auto* rows : {&other, &outside}) {
    options.band_rows = rows;
    CHECK_THROWS_AS(model.features(ids_BT, options), Error);
    CHECK_THROWS_AS(model.loss_sum(features_BTD, ids_BT, options), Error);
  }
}

TEST_CASE("taken rows have the values and the gradient of index_select") {
  const auto rows = GENERATE(std::vector<std::int64_t>{4, 0, 2}, std::vector<std::int64_t>{},
                             std::vector<std::int64_t>{3, 1, 4, 0, 2});
  const auto rows_M = at::tensor(rows, at::kLong);
  auto places_N = at::full({5}, rows_M.numel(), at::kLong);
  places_N.index_copy_(0, rows_M, at::arange(rows_M.numel(), at::kLong));
  auto x = testing::random_tensor({5, 3}, 1).requires_grad_(),
       plain = x.detach().clone().requires_grad_();
  const auto factor = testing::random_tensor({rows_M.numel(), 3}, 2);
  const auto taken = take_rows(x, rows_M, places_N), selected = plain.index_select(0, rows_M);
  CHECK(taken.equal(selected));
  taken.mul(factor).sum().backward();
  selected.mul(factor).sum().backward();
  CHECK(x.grad().equal(plain.grad()));
}

}  // namespace
}  // namespace longspan
