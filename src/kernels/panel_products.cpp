#include "kernels/panel_products.h"

#include <ATen/native/CPUBlas.h>
#include <fbgemm/Utils.h>

#include "kernels/blas.h"

namespace longspan::fused {
namespace {

constexpr std::int64_t kPanel = PanelProducts<float>::kPanel;
// Rows of scores that were a power of two apart would share a few sets of the cache.
constexpr std::int64_t kRowGap = 16;
// With fewer queries than this, laying out the keys costs more than the products gain.
constexpr std::int64_t kFewestQueries = 32;

template <class Element>
constexpr bool is_narrow = !std::is_same_v<Element, float>;
// Factors on the right of a narrow product are stored by pairs of rows.
template <class Element>
constexpr std::int64_t kRowsTogether = is_narrow<Element> ? 2 : 1;

std::int64_t whole_panels(std::int64_t keys) { return ceil_divide(keys, kPanel) * kPanel; }

// out [M, N] = a [M, K] b [K, N], added to what is there or not
template <class Element>
void multiply(const blas::Sizes& sizes, Rows<const Element> a, Rows<const Element> b,
              Rows<float> out, bool adds) {
  at::native::cpublas::brgemm(sizes.rows, sizes.columns, sizes.inner, a.stride, b.stride,
                              out.stride, adds, a.data, b.data, out.data, is_narrow<Element>);
}

// Turns rows [count, width] into [width, count]; `Unit` is what moves as one.
template <class Unit, class Element>
void turn(Rows<const Element> from, std::int64_t count, std::int64_t width, Element* to,
          std::int64_t to_stride) {
  constexpr auto kTogether = static_cast<std::int64_t>(sizeof(Unit) / sizeof(Element));
  fbgemm::transpose_simd<Unit>(count, width / kTogether, reinterpret_cast<const Unit*>(from.data),
                               from.stride / kTogether, reinterpret_cast<Unit*>(to), to_stride);
}

}  // namespace

std::size_t score_elements(const Problem& problem) {
  const std::int64_t rows = problem.T < kFewestQueries ? problem.T : kQueryBlock;
  return static_cast<std::size_t>(rows * (whole_panels(problem.S) + kRowGap));
}

bool takes_panels([[maybe_unused]] at::ScalarType dtype, [[maybe_unused]] std::int64_t num_queries,
                  [[maybe_unused]] std::int64_t head_dim) {
#if !defined(__x86_64__) || (defined(__clang__) && __clang_major__ < 15)
  return false;
#else
  // Measured on AMD's processors alone: those of others have MKL's best products.
  if (num_queries < kFewestQueries || !__builtin_cpu_is("amd")) return false;
  if (dtype == at::kFloat) return __builtin_cpu_supports("avx512f");
  return dtype == at::kBFloat16 && head_dim % 2 == 0 && __builtin_cpu_supports("avx512bf16");
#endif
}

template <class Element>
PanelProducts<Element>::PanelProducts(const Problem& problem, const KeyData<Element>& data)
    : problem_(problem),
      data_(data),
      row_stride_(whole_panels(problem.S) + kRowGap),
      rows_(static_cast<std::size_t>(kPanel * problem.K)) {
  const auto size = static_cast<std::size_t>(whole_panels(problem.S) * problem.K);
  k_turned_.resize(size);
  if (is_narrow<Element>) rounded_.resize(score_elements(problem));
  if (!is_backward()) {
    v_.resize(size);
    return;
  }
  k_.resize(size);
  v_turned_.resize(size);
  d_k_turned_.resize(size);
  d_v_turned_.resize(size);
  turned_.resize(rows_.size());
}

template <class Element>
PanelProducts<Element>::~PanelProducts() {
  at::native::cpublas::brgemm_release(is_narrow<Element>);
}

template <class Element>
void PanelProducts<Element>::load(std::int64_t b, std::int64_t g) {
  if (b == b_ && g == g_) return;
  b_ = b;
  g_ = g;
  const Rows<const Element> k = rows_of(data_.k, b, g), v = rows_of(data_.v, b, g);
  lay_out_turned(k, k_turned_);
  if (!is_backward()) return lay_out(v, v_);
  lay_out(k, k_);
  lay_out_turned(v, v_turned_);
  std::ranges::fill(d_k_turned_, 0.0F);
  std::ranges::fill(d_v_turned_, 0.0F);
}

template <class Element>
void PanelProducts<Element>::store() {
  turn_back(d_k_turned_, static_cast<float>(problem_.scale), rows_of(data_.d_k, b_, g_));
  turn_back(d_v_turned_, 1.0F, rows_of(data_.d_v, b_, g_));
}

template <class Element>
void PanelProducts<Element>::lay_out(Rows<const Element> rows, Panels<Element>& panels) const {
  const std::int64_t K = problem_.K;
  for (std::int64_t s = 0; s < problem_.S; s += kRowsTogether<Element>) {
    const Element* const row = rows.from(s).data;
    if constexpr (is_narrow<Element>)
      row_math::interleave(panels.data() + s * K, row,
                           s + 1 < problem_.S ? row + rows.stride : nullptr, K);
    else
      std::copy_n(row, K, panels.data() + s * K);
  }
}

template <class Element>
void PanelProducts<Element>::lay_out_turned(Rows<const Element> rows,
                                            Panels<Element>& panels) const {
  for (std::int64_t s = 0; s < problem_.S; s += kPanel)
    turn<float>(rows.from(s), std::min(kPanel, problem_.S - s), problem_.K,
                panels.data() + s * problem_.K, kPanel);
}

template <class Element>
void PanelProducts<Element>::turn_back(const Panels<float>& panels, float scale,
                                       Rows<Element> rows) {
  const std::int64_t K = problem_.K;
  for (std::int64_t s = 0; s < problem_.S; s += kPanel) {
    turn<float>(Rows<const float>{panels.data() + s * K, kPanel}, K, kPanel, rows_.data(), K);
    for (std::int64_t i = 0; i < std::min(kPanel, problem_.S - s); ++i)
      row_math::scale_to(rows.from(s + i).data, rows_.data() + i * K, K, scale);
  }
}

template <class Element>
void PanelProducts<Element>::by_key(Rows<const Element> x, const Panels<Element>& turned,
                                    const Block& block, float* out) const {
  for (std::int64_t column = 0; column < block.columns; column += kPanel)
    multiply<Element>({block.rows(), kPanel, problem_.K}, x,
                      {turned.data() + (block.first_key + column) * problem_.K, kPanel},
                      {out + column, row_stride_}, false);
}

template <class Element>
void PanelProducts<Element>::over_keys(const float* p, const Panels<Element>& panels,
                                       const Block& block) {
  const Element* const left = as_left(p, block);
  for (std::int64_t column = 0; column < block.columns; column += kPanel)
    multiply<Element>({block.rows(), problem_.K, kPanel}, {left + column, row_stride_},
                      {panels.data() + (block.first_key + column) * problem_.K, problem_.K},
                      {rows_.data(), problem_.K}, column > 0);
}

template <class Element>
void PanelProducts<Element>::to_keys(const float* p, Rows<const Element> x, const Block& block,
                                     Panels<float>& sum) {
  using Unit = std::conditional_t<is_narrow<Element>, std::uint16_t, float>;
  constexpr std::int64_t kTogether = kRowsTogether<Element>;
  const std::int64_t inner = ceil_divide(block.rows(), kTogether) * kTogether;
  if (inner > block.rows()) std::ranges::fill(turned_, Element(0.0F));
  turn<Unit>(x, block.rows(), problem_.K, turned_.data(), kPanel);
  const Element* const right = as_right(p, block);
  for (std::int64_t column = 0; column < block.columns; column += kPanel)
    multiply<Element>({problem_.K, kPanel, inner}, {turned_.data(), kPanel},
                      {right + column * kTogether, row_stride_},
                      {sum.data() + (block.first_key + column) * problem_.K, kPanel}, true);
}

// Rows of scores as the factor on the left of a product.
template <class Element>
const Element* PanelProducts<Element>::as_left(const float* rows, const Block& block) {
  if constexpr (!is_narrow<Element>) {
    return rows;
  } else {
    for (std::int64_t i = 0; i < block.rows(); ++i)
      row_math::scale_to(rounded_.data() + i * row_stride_, rows + i * row_stride_, block.columns,
                         1.0F);
    return rounded_.data();
  }
}

// Rows of scores as the factor on the right, with one of zeros after an odd number.
template <class Element>
const Element* PanelProducts<Element>::as_right(const float* rows, const Block& block) {
  if constexpr (!is_narrow<Element>) {
    return rows;
  } else {
    for (std::int64_t i = 0; i < block.rows(); i += 2)
      row_math::round_pairs(rounded_.data() + i * row_stride_, rows + i * row_stride_,
                            i + 1 < block.rows() ? rows + (i + 1) * row_stride_ : nullptr,
                            block.columns);
    return rounded_.data();
  }
}

template <class Element>
void PanelProducts<Element>::scores(Rows<const Element> q, const Block& block, float* out) const {
  by_key(q, k_turned_, block, out);
}

template <class Element>
void PanelProducts<Element>::d_probabilities(Rows<const Element> d_out, const Block& block,
                                             float* out) const {
  by_key(d_out, v_turned_, block, out);
}

template <class Element>
void PanelProducts<Element>::values(const float* p, const Block& block, const float* factors,
                                    Rows<Element> out) {
  over_keys(p, v_, block);
  for (std::int64_t i = 0; i < block.rows(); ++i)
    row_math::scale_to(out.from(i).data, rows_.data() + i * problem_.K, problem_.K, factors[i]);
}

template <class Element>
void PanelProducts<Element>::d_queries(const float* d_scores, const Block& block,
                                       Rows<Element> out) {
  over_keys(d_scores, k_, block);
  for (std::int64_t i = 0; i < block.rows(); ++i)
    row_math::scale_to(out.from(i).data, rows_.data() + i * problem_.K, problem_.K,
                       static_cast<float>(problem_.scale));
}

template <class Element>
void PanelProducts<Element>::add_d_keys(const float* d_scores, Rows<const Element> q,
                                        const Block& block) {
  to_keys(d_scores, q, block, d_k_turned_);
}

template <class Element>
void PanelProducts<Element>::add_d_values(const float* p, Rows<const Element> d_out,
                                          const Block& block) {
  to_keys(p, d_out, block, d_v_turned_);
}

template class PanelProducts<float>;
template class PanelProducts<c10::BFloat16>;

}  // namespace longspan::fused
