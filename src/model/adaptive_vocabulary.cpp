// Adaptive input (Baevski and Auli, arXiv:1809.10853) and adaptive softmax (Grave et al.,
// arXiv:1609.04309) in fairseq's form: rare ids live in bands of narrower vectors, projected to
// d_model. Tied: the head uses the same matrices and projections.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "longspan/kernels/cross_entropy.h"
#include "longspan/model/shapes.h"
#include "model/projection.h"
#include "model/taken_rows.h"
#include "model/vocabulary.h"
#include "model/vocabulary_matrix.h"

namespace longspan {
namespace {

// fairseq takes this row of every band, not of the first alone, for the padding symbol's.
constexpr std::int64_t kPaddingRow = 1;
constexpr std::int64_t kNotCounted = -1;

struct Band {
  std::int64_t begin, end;  // ids
  VocabularyMatrix matrix;  // [rows, width]
  Linear proj;              // from width to d_model
};

class AdaptiveVocabulary final : public Vocabulary {
 public:
  AdaptiveVocabulary(ParameterList& parameters, const ModelConfig& config, std::int64_t vocab_size)
      : tied_(config.embedding.tie),
        d_model_(config.d_model),
        tail_dropout_(config.dropout.tail),
        fairseq_dialect_(config.dialect == Dialect::Fairseq) {
    const auto& cutoffs = config.embedding.cutoffs;
    input_ = make_bands(parameters, config, vocab_size, "embed.band");
    head_ = tied_ ? input_ : make_bands(parameters, config, vocab_size, "head.band");
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
        options.band_rows != nullptr ? options.band_rows->inputs : find_rows(input_, ids_N);
    check_rows(rows, ids_N);
    check(rows.rows_M.numel() == ids_N.numel(), ErrorKind::Internal, "all input ids of a pass, ",
          ids_N.numel(), ", must be in bands, got ", rows.rows_M.numel());
    std::vector<at::Tensor> parts;
    for (std::size_t i = 0; i < input_.size(); ++i) {
      const Band& band = input_[i];
      const auto local_M = ids_N.index_select(0, rows.of_band(i)) - band.begin;
      parts.push_back(project(band.matrix.embed(local_M, options), {&band.proj}, options).front());
    }
    return take_rows(at::cat(parts), rows.order_N, rows.rows_M)
        .view({ids_BT.size(0), ids_BT.size(1), d_model_});
  }

  at::Tensor loss_sum(const at::Tensor& features_ND, const at::Tensor& targets_N,
                      const at::Tensor& row_ids_N, const Pass& pass) const override {
    const ForwardOptions& options = *pass.options;
    const auto narrow_ND = features_ND.to(options.compute_dtype);
    const auto* given = options.band_rows;
    const BandRows rows = given != nullptr ? given->targets : find_rows(head_, targets_N);
    check_rows(rows, targets_N);
    const auto tail_features = features_of_tails(narrow_ND, rows);
    auto loss = head_[0].matrix.loss_sum(narrow_ND, head_targets(targets_N), options);
    for (std::size_t i = 1; i < head_.size(); ++i) {
      const VocabularyMatrix& matrix = head_[i].matrix;
      const auto place_M = rows.of_band(i);
      if (place_M.numel() == 0 && !matrix.must_hand_over(options)) continue;
      const auto row_ids_M = row_ids_N.defined() ? row_ids_N.index_select(0, place_M) : row_ids_N;
      const auto inner_MW =
          pass.drop(project_back(tail_features[i - 1], head_[i].proj, options), tail_dropout_,
                    DropoutPlace::Tail, static_cast<std::int64_t>(i), row_ids_M);
      auto local_M = targets_N.index_select(0, place_M) - head_[i].begin;
      if (fairseq_dialect_) local_M.masked_fill_(local_M.eq(kPaddingRow), kNotCounted);
      loss = loss + matrix.loss_sum(inner_MW, local_M, options);
    }
    return loss;
  }

  at::Tensor target_log_probabilities(const at::Tensor& features_ND,
                                      const at::Tensor& targets_N) const override {
    auto result_N =
        linear_log_probabilities(features_ND, head_[0].matrix.rows(), head_targets(targets_N));
    for (std::size_t i = 1; i < head_.size(); ++i) {
      const auto place_N = members(targets_N, head_[i]);
      if (place_N.numel() == 0) continue;
      const auto inner_NW = at::mm(features_ND.index_select(0, place_N), head_[i].proj.weight_OI);
      result_N.index_add_(
          0, place_N,
          linear_log_probabilities(inner_NW, head_[i].matrix.weight_VD,
                                   targets_N.index_select(0, place_N) - head_[i].begin));
    }
    return result_N;
  }

  at::Tensor log_probabilities(const at::Tensor& features_ND) const override {
    const std::int64_t words = head_[0].end;
    const auto head_NV = at::mm(features_ND, head_[0].matrix.rows().t()).log_softmax(-1);
    std::vector<at::Tensor> parts{head_NV.narrow(1, 0, words)};
    for (std::size_t i = 1; i < head_.size(); ++i) {
      const auto tail_NR =
          at::mm(at::mm(features_ND, head_[i].proj.weight_OI), head_[i].matrix.weight_VD.t())
              .log_softmax(-1);
      parts.push_back(tail_NR + head_NV.narrow(1, words + static_cast<std::int64_t>(i) - 1, 1));
    }
    return at::cat(parts, 1);
  }

 private:
  static std::vector<Band> make_bands(ParameterList& parameters, const ModelConfig& config,
                                      std::int64_t vocab_size, const std::string& prefix) {
    std::vector<Band> bands;
    for (const auto& [begin, end, width] : vocabulary_bands(config, vocab_size)) {
      const Start start =
          config.init == InitScheme::Gpt2
              ? Start::normal(gpt2_std(config))
              : Start::normal(1.0 / std::sqrt(static_cast<double>(width)),
                              config.dialect == Dialect::Fairseq ? kPaddingRow : Start::kNoRow);
      const std::string name = prefix + std::to_string(bands.size());
      const VocabularyMatrix matrix{
          parameters.add(name + ".weight", {end - begin, width}, start), {}, false};
      const bool needs_projection = prefix == "embed.band" || !bands.empty();
      bands.push_back({begin, end, matrix,
                       needs_projection
                           ? Linear(parameters, name + ".proj", width, config.d_model, false,
                                    projection_start(config, 1.0, width, config.d_model))
                           : Linear()});
    }
    return bands;
  }

  // A target outside the first band stands for its band's cluster; one that is not counted stays
  // below 0.
  at::Tensor head_targets(const at::Tensor& targets_N) const {
    auto result_N = targets_N;
    for (std::size_t i = 1; i < head_.size(); ++i)
      result_N = at::where(targets_N.ge(head_[i].begin).logical_and(targets_N.lt(head_[i].end)),
                           head_[0].end + static_cast<std::int64_t>(i) - 1, result_N);
    return result_N;
  }

  // The ids' device is asked which rows are in which band: the host waits for a GPU.
  static BandRows find_rows(const std::vector<Band>& bands, const at::Tensor& ids_N) {
    BandRows found;
    std::vector<at::Tensor> rows;
    for (const Band& band : bands) {
      rows.push_back(members(ids_N, band));
      found.counts.push_back(rows.back().numel());
    }
    found.rows_M = at::cat(rows);
    const std::int64_t M = found.rows_M.numel();
    found.order_N = at::full({ids_N.numel()}, M, ids_N.options());
    found.order_N.index_copy_(0, found.rows_M, at::arange(M, ids_N.options()));
    return found;
  }

  void check_rows(const BandRows& rows, const at::Tensor& ids_N) const {
    const bool fits = rows.counts.size() == input_.size() && rows.order_N.numel() == ids_N.numel();
    check(fits, ErrorKind::Internal, "band rows must be those of the pass's ids, ", ids_N.numel(),
          " in ", input_.size(), " bands, got ", rows.counts.size(), " bands");
  }

  // Features of the rows whose targets are in the second band, in the third, and so on.
  static std::vector<at::Tensor> features_of_tails(const at::Tensor& x_ND, const BandRows& rows) {
    const std::int64_t in_head = rows.counts.front(), M = rows.rows_M.numel() - in_head;
    auto places_N = rows.order_N - in_head;
    places_N.masked_fill_(places_N.lt(0), M);
    return take_rows(x_ND, rows.rows_M.narrow(0, in_head, M), places_N)
        .split_with_sizes(at::IntArrayRef(rows.counts).slice(1));
  }

  static at::Tensor members(const at::Tensor& ids_N, const Band& band) {
    return ids_N.ge(band.begin).logical_and(ids_N.lt(band.end)).nonzero().squeeze(1);
  }

  bool tied_;
  std::int64_t d_model_;
  double tail_dropout_;
  bool fairseq_dialect_;
  std::vector<Band> input_, head_;
};

}  // namespace

std::unique_ptr<Vocabulary> make_adaptive_vocabulary(ParameterList& parameters,
                                                     const ModelConfig& config,
                                                     std::int64_t vocab_size) {
  return std::make_unique<AdaptiveVocabulary>(parameters, config, vocab_size);
}

}  // namespace longspan
