#include "kernels/panel_products.h"

#include <ATen/native/CPUBlas.h>
#include <fbgemm/Utils.h>

#include "kernels/blas.h"
#include "longspan/core/ceil_divide.h"

namespace longspan::fused {
namespace {

// Rows of scores that were a power of two apart would share a few sets of the cache.
constexpr std::int64_t kRowGap = 16;
// With fewer queries than this, laying out the keys costs more than the products gain.
constexpr std::int64_t kFewestQueries = 32;

struct Rows {
  const float* data;
  std::int64_t stride;
};

// out [M, N] = a [M, K] b [K, N], added to what is there or not
void multiply(const blas::Sizes& sizes, Rows a, Rows b, float* out, std::int64_t out_stride,
              bool adds) {
  at::native::cpublas::brgemm(sizes.rows, sizes.columns, sizes.inner, a.stride, b.stride,
                              out_stride, adds, a.data, b.data, out);
}

}  // namespace

std::size_t score_elements(const Problem& problem) {
  constexpr std::int64_t kPanel = PanelProducts::kPanel;
  return static_cast<std::size_t>(kQueryBlock *
                                  (ceil_divide(problem.S, kPanel) * kPanel + kRowGap));
}

PanelProducts::PanelProducts(const Problem& problem, const KeyData<float>& data)
    : problem_(problem),
      data_(data),
      row_stride_(ceil_divide(problem.S, kPanel) * kPanel + kRowGap),
      rows_(static_cast<std::size_t>(kPanel * problem.K)) {
  const auto size = static_cast<std::size_t>(ceil_divide(problem.S, kPanel) * kPanel * problem.K);
  k_turned_.resize(size);
  for (Panels* const panels : {&k_, &v_turned_, &d_k_turned_, &d_v_turned_})
    if (is_backward()) panels->resize(size);
  if (!is_backward()) v_.resize(size);
}

PanelProducts::~PanelProducts() { at::native::cpublas::brgemm_release(false); }

bool PanelProducts::takes(const Problem& problem) {
#if defined(__x86_64__)
  return problem.T >= kFewestQueries && __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

void PanelProducts::load(std::int64_t b, std::int64_t g) {
  const std::int64_t at = problem_.k_offset(b, g);
  if (at == head_at_) return;
  head_at_ = at;
  lay_out_turned(data_.k + at, k_turned_);
  if (!is_backward()) return lay_out(data_.v + at, v_);
  lay_out(data_.k + at, k_);
  lay_out_turned(data_.v + at, v_turned_);
  std::ranges::fill(d_k_turned_, 0.0F);
  std::ranges::fill(d_v_turned_, 0.0F);
}

void PanelProducts::store() {
  turn_back(d_k_turned_, static_cast<float>(problem_.scale), data_.d_k + head_at_);
  turn_back(d_v_turned_, 1.0F, data_.d_v + head_at_);
}

void PanelProducts::lay_out(const float* rows, Panels& panels) const {
  for (std::int64_t s = 0; s < problem_.S; ++s)
    std::copy_n(rows + s * problem_.k_stride(), problem_.K, panels.data() + s * problem_.K);
}

void PanelProducts::lay_out_turned(const float* rows, Panels& panels) const {
  for (std::int64_t s = 0; s < problem_.S; s += kPanel)
    fbgemm::transpose_simd<float>(std::min(kPanel, problem_.S - s), problem_.K,
                                  rows + s * problem_.k_stride(), problem_.k_stride(),
                                  panels.data() + s * problem_.K, kPanel);
}

void PanelProducts::turn_back(const Panels& panels, float scale, float* rows) {
  const std::int64_t K = problem_.K;
  for (std::int64_t s = 0; s < problem_.S; s += kPanel) {
    fbgemm::transpose_simd<float>(K, kPanel, panels.data() + s * K, kPanel, rows_.data(), K);
    const std::int64_t count = std::min(kPanel, problem_.S - s);
    for (std::int64_t i = 0; i < count; ++i) {
      float* const row = rows + (s + i) * problem_.k_stride();
      for (std::int64_t j = 0; j < K; ++j)
        row[j] = scale * rows_[static_cast<std::size_t>(i * K + j)];
    }
  }
}

void PanelProducts::by_key(const float* x, const Panels& turned, const Block& block,
                           float* out) const {
  for (std::int64_t column = 0; column < block.columns; column += kPanel)
    multiply({block.rows(), kPanel, problem_.K}, {x, problem_.q_stride()},
             {turned.data() + (block.first_key + column) * problem_.K, kPanel}, out + column,
             row_stride_, false);
}

void PanelProducts::over_keys(const float* p, const Panels& panels, const Block& block) {
  for (std::int64_t column = 0; column < block.columns; column += kPanel)
    multiply({block.rows(), problem_.K, kPanel}, {p + column, row_stride_},
             {panels.data() + (block.first_key + column) * problem_.K, problem_.K}, rows_.data(),
             problem_.K, column > 0);
}

void PanelProducts::to_keys(const float* p, const float* x, const Block& block, Panels& sum) {
  fbgemm::transpose_simd<float>(block.rows(), problem_.K, x, problem_.q_stride(), rows_.data(),
                                kPanel);
  for (std::int64_t column = 0; column < block.columns; column += kPanel)
    multiply({problem_.K, kPanel, block.rows()}, {rows_.data(), kPanel}, {p + column, row_stride_},
             sum.data() + (block.first_key + column) * problem_.K, kPanel, true);
}

void PanelProducts::scores(const float* q, const Block& block, float* out) const {
  by_key(q, k_turned_, block, out);
}

void PanelProducts::d_probabilities(const float* d_out, const Block& block, float* out) const {
  by_key(d_out, v_turned_, block, out);
}

void PanelProducts::values(const float* p, const Block& block, const float* factors, float* out) {
  over_keys(p, v_, block);
  const std::int64_t K = problem_.K;
  for (std::int64_t row = 0; row < block.rows(); ++row)
    for (std::int64_t i = 0; i < K; ++i)
      out[row * problem_.q_stride() + i] =
          factors[row] * rows_[static_cast<std::size_t>(row * K + i)];
}

void PanelProducts::d_queries(const float* d_scores, const Block& block, float* out) {
  over_keys(d_scores, k_, block);
  const std::int64_t K = problem_.K;
  const auto scale = static_cast<float>(problem_.scale);
  for (std::int64_t row = 0; row < block.rows(); ++row)
    for (std::int64_t i = 0; i < K; ++i)
      out[row * problem_.q_stride() + i] = scale * rows_[static_cast<std::size_t>(row * K + i)];
}

void PanelProducts::add_d_keys(const float* d_scores, const float* q, const Block& block) {
  to_keys(d_scores, q, block, d_k_turned_);
}

void PanelProducts::add_d_values(const float* p, const float* d_out, const Block& block) {
  to_keys(p, d_out, block, d_v_turned_);
}

}  // namespace longspan::fused
