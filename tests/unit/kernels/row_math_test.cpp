// The vectorised row loops against the plain ones in double.

#include "kernels/row_math.h"

#include <cmath>
#include <vector>

#include "longspan/core/random.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

TEST_CASE("exp_sum agrees with std::exp to float rounding") {
  RandomStream random(3, RandomPurpose::Benchmark, 0);
  for (const std::int64_t count : {1, 7, 16, 63, 300}) {
    std::vector<float> x;
    for (std::int64_t i = 0; i < count; ++i)
      x.push_back(static_cast<float>(-30.0 * random.uniform()));
    const auto before = x;
    const float sum = row_math::exp_sum(x.data(), count, 0.5f);
    double exact_sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = std::exp(static_cast<double>(before[i] - 0.5f));
      exact_sum += exact;
      // The polynomial and its argument reduction each round a few times: 4 ulp of 2^-24 each way.
      CHECK(std::abs(x[i] - exact) <= 4 * std::exp2(-23) * exact);
    }
    CHECK(std::abs(sum - exact_sum) <= static_cast<double>(count + 4) * std::exp2(-23) * exact_sum);
  }
}

TEST_CASE("exp of very negative arguments is zero and of zero is one") {
  std::vector<float> x{-1e30f, -88.0f, 0.0f, -std::numeric_limits<float>::infinity()};
  row_math::exp_sum(x.data(), 4, 0.0f);
  CHECK(x == std::vector<float>{0.0f, 0.0f, 1.0f, 0.0f});
}

TEST_CASE("float and double rows draw the same mask, the one that Philox and the layout say") {
  const row_math::RowMask rule{{{11, 12, 13, 40}}, {{21, 22}}, 40000};
  std::vector<float> mask(150);
  std::vector<double> wide(150);
  row_math::draw_mask(mask.data(), 150, rule);
  row_math::draw_mask(wide.data(), 150, rule);
  for (std::uint32_t i = 0; i < 150; ++i) {
    const std::uint32_t within = i % 64, block = i / 64 * 8 + within % 8, piece = within / 8;
    const auto words = philox({{11, 12, 13, 40 + block}}, {{21, 22}});
    const bool kept = ((words.x[piece / 2] >> (16 * (piece % 2))) & 0xffffu) < 40000;
    CHECK((mask[i] != 0.0f) == kept);
    CHECK(static_cast<double>(mask[i]) == static_cast<double>(static_cast<float>(wide[i])));
  }
}

}  // namespace
}  // namespace longspan
