// Adaptive input (Baevski and Auli, arXiv:1809.10853) and adaptive softmax (Grave et al.,
// arXiv:1609.04309) in fairseq's form: rare ids live in bands of narrower vectors, projected to
// d_model. Tied: the head uses the same matrices and projections.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "longspan/core/error.h"
#include "longspan/kernels/cross_entropy.h"
#include "longspan/kernels/products.h"
#include "longspan/model/shapes.h"
#include "model/projection.h"
#include "model/taken_rows.h"
#include "model/vocabulary.h"
#include "model/vocabulary_matrix.h"

namespace longspan {
namespace {

struct Band {
  VocabularyMatrix matrix;  // [rows, width]
  Linear proj;              // from width to d_model
};

// Calls find(ids) with ids that their device is asked for: the host waits for a GPU.
template <class Find>
auto asked(const at::Tensor& ids_N, const Find& find) {
  const auto host_N = ids_N.cpu().contiguous();
  auto rows = find(std::span(host_N.const_data_ptr<std::int64_t>(), std::size_t(host_N.numel())));
  for (at::Tensor* tensor : tensors_of(rows)) *tensor = tensor->to(ids_N.device());
  return rows;
}

class AdaptiveVocabulary final : public Vocabulary {
 public:
  AdaptiveVocabulary(ParameterList& parameters, const ModelConfig& config, std::int64_t vocab_size)
      : tied_(config.embedding.tie),
        d_model_(config.d_model),
        tail_dropout_(config.dropout.tail),
        dialect_(config.dialect),
        ranges_(vocabulary_bands(config, vocab_size)) {
    const auto& cutoffs = config.embedding.cutoffs;
    input_ = make_bands(parameters, config, "embed.band");
    head_ = tied_ ? input_ : make_bands(parameters, config, "head.band");
    head_[0].matrix.further_CD = parameters.add(
        "head.cluster.weight", {std::int64_t(cutoffs.size()), d_model_},
        projection_start(config, 1.0, d_model_, std::int64_t(cutoffs.size())).weight);
    for (Band& band : head_) band.matrix.has_logits = true;
    if (tied_) input_ = head_;
  }

  void add_companies(std::vector<Company>& companies, at::ScalarType dtype) const override {
    const auto add = [&](const Band& band) {
      band.matrix.add_companies(companies, dtype);
      if (band.proj.weight_OI.defined()) companies.push_back(companies_of({&band.proj}).front());
    };
    std::ranges::for_each(input_, add);
    if (!tied_) std::ranges::for_each(head_, add);
  }

  at::Tensor embed(const at::Tensor& ids_BT, const ForwardOptions& options) const override {
    const auto ids_N = ids_BT.reshape({-1});
    const BandRows rows =
        options.band_rows != nullptr
            ? options.band_rows->inputs
            : asked(ids_N, [&](auto ids) { return find_band_rows(ranges_, ids); });
    check_rows(rows, input_.size(), ids_N);
    check(rows.rows_M.numel() == ids_N.numel(), ErrorKind::Internal, "all input ids of a pass, ",
          ids_N.numel(), ", must be in bands, got ", rows.rows_M.numel());
    std::vector<at::Tensor> parts;
    for (std::size_t i = 0; i < input_.size(); ++i) {
      const Band& band = input_[i];
      parts.push_back(
          project(band.matrix.embed(rows.of_band(rows.ids_M, i), options), {&band.proj}, options)
              .front());
    }
    return take_rows(at::cat(parts), rows.order_N, rows.rows_M)
        .view({ids_BT.size(0), ids_BT.size(1), d_model_});
  }

  at::Tensor loss_sum(const at::Tensor& features_ND, const at::Tensor& targets_N,
                      const at::Tensor& row_ids_N, const Pass& pass) const override {
    const ForwardOptions& options = *pass.options;
    const auto narrow_ND = features_ND.to(options.compute_dtype);
    const auto* given = options.band_rows;
    const TargetRows rows = given != nullptr ? given->targets : target_rows(targets_N, dialect_);
    const BandRows& tails = rows.tails;
    check_rows(tails, head_.size() - 1, targets_N);
    const auto features_of_tail =
        take_rows(narrow_ND, tails.rows_M, tails.order_N).split_with_sizes(tails.counts);
    const auto row_ids_M =
        row_ids_N.defined() ? row_ids_N.index_select(0, tails.rows_M) : row_ids_N;
    auto loss = head_[0].matrix.loss_sum(narrow_ND, rows.head_ids_N, options);
    for (std::size_t tail = 0; tail < tails.counts.size(); ++tail) {
      const Band& band = head_[tail + 1];
      if (tails.counts[tail] == 0 && !band.matrix.must_hand_over(options)) continue;
      const auto of_tail = [&](const at::Tensor& x_M) {
        return x_M.defined() ? tails.of_band(x_M, tail) : x_M;
      };
      const auto inner_MW =
          pass.drop(project_back(features_of_tail[tail], band.proj, options), tail_dropout_,
                    DropoutPlace::Tail, static_cast<std::int64_t>(tail) + 1, of_tail(row_ids_M));
      loss = loss + band.matrix.loss_sum(inner_MW, of_tail(tails.ids_M), options);
    }
    return loss;
  }

  at::Tensor target_log_probabilities(const at::Tensor& features_ND,
                                      const at::Tensor& targets_N) const override {
    const auto [head_ids_N, tails] = target_rows(targets_N, Dialect::None);
    auto result_N = linear_log_probabilities(features_ND, head_[0].matrix.rows(), head_ids_N);
    for (std::size_t tail = 0; tail < tails.counts.size(); ++tail) {
      if (tails.counts[tail] == 0) continue;
      const Band& band = head_[tail + 1];
      const auto place_M = tails.of_band(tails.rows_M, tail);
      const auto inner_MW = product(features_ND.index_select(0, place_M), band.proj.weight_OI);
      result_N.index_add_(0, place_M,
                          linear_log_probabilities(inner_MW, band.matrix.weight_VD,
                                                   tails.of_band(tails.ids_M, tail)));
    }
    return result_N;
  }

  at::Tensor log_probabilities(const at::Tensor& features_ND) const override {
    const std::int64_t words = ranges_[0].end;
    const auto head_NV = linear_product(features_ND, head_[0].matrix.rows(), {}).log_softmax(-1);
    std::vector<at::Tensor> parts{head_NV.narrow(1, 0, words)};
    for (std::size_t i = 1; i < head_.size(); ++i) {
      const auto tail_NR = linear_product(product(features_ND, head_[i].proj.weight_OI),
                                          head_[i].matrix.weight_VD, {})
                               .log_softmax(-1);
      parts.push_back(tail_NR + head_NV.narrow(1, words + static_cast<std::int64_t>(i) - 1, 1));
    }
    return at::cat(parts, 1);
  }

 private:
  std::vector<Band> make_bands(ParameterList& parameters, const ModelConfig& config,
                               const std::string& prefix) const {
    std::vector<Band> bands;
    for (const auto& [begin, end, width] : ranges_) {
      const Start start =
          config.init == InitScheme::Gpt2
              ? Start::normal(gpt2_std(config))
              : Start::normal(1.0 / std::sqrt(static_cast<double>(width)),
                              config.dialect == Dialect::Fairseq ? kPaddingRow : Start::kNoRow);
      const std::string name = prefix + std::to_string(bands.size());
      const VocabularyMatrix matrix{
          parameters.add(name + ".weight", {end - begin, width}, start), {}, false};
      const bool needs_projection = prefix == "embed.band" || !bands.empty();
      bands.push_back(
          {matrix, needs_projection
                       ? Linear(parameters, name + ".proj", width, config.d_model, false,
                                projection_start(config, 1.0, width, config.d_model))
                       : Linear()});
    }
    return bands;
  }

  TargetRows target_rows(const at::Tensor& targets_N, Dialect dialect) const {
    return asked(targets_N, [&](auto ids) { return find_target_rows(ranges_, ids, dialect); });
  }

  static void check_rows(const BandRows& rows, std::size_t num_bands, const at::Tensor& ids_N) {
    const bool fits = rows.counts.size() == num_bands && rows.order_N.numel() == ids_N.numel();
    check(fits, ErrorKind::Internal, "band rows must be those of the pass's ids, ", ids_N.numel(),
          " in ", num_bands, " bands, got ", rows.counts.size(), " bands");
  }

  bool tied_;
  std::int64_t d_model_;
  double tail_dropout_;
  Dialect dialect_;
  std::vector<VocabularyBand> ranges_;
  std::vector<Band> input_, head_;
};

}  // namespace

std::unique_ptr<Vocabulary> make_adaptive_vocabulary(ParameterList& parameters,
                                                     const ModelConfig& config,
                                                     std::int64_t vocab_size) {
  return std::make_unique<AdaptiveVocabulary>(parameters, config, vocab_size);
}

}  // namespace longspan
