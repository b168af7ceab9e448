// The vectorised row loops against the plain ones in double.

#include "kernels/row_math.h"

#include <cmath>
#include <vector>

#include "longspan/core/random.h"
#include "support/tensors.h"

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

TEST_CASE("rows are rounded to bfloat16 and widened as LibTorch does") {
  const std::int64_t count = 131;
  auto even = testing::random_tensor({count}, 1), odd = testing::random_tensor({count}, 2);
  even[3] = std::numeric_limits<float>::infinity();
  even[4] = -std::numeric_limits<float>::infinity();
  even[5] = std::numeric_limits<float>::max();
  even[6] = 1.00390625F;  // half way between two: to the even one
  even[7] = 1.01171875F;
  even[8] = 1e-40F;
  const auto same_bits = [](const at::Tensor& a, const at::Tensor& b) {
    return a.view(at::kShort).equal(b.view(at::kShort));
  };
  auto out = at::empty({count}, at::kBFloat16), pairs = at::empty({2 * count}, at::kBFloat16);
  row_math::scale_to(out.mutable_data_ptr<c10::BFloat16>(), even.const_data_ptr<float>(), count,
                     0.5F);
  CHECK(same_bits(out, (even * 0.5F).to(at::kBFloat16)));
  row_math::round_pairs(pairs.mutable_data_ptr<c10::BFloat16>(), even.const_data_ptr<float>(),
                        odd.const_data_ptr<float>(), count);
  CHECK(same_bits(pairs, at::stack({even, odd}, 1).flatten().to(at::kBFloat16)));
  row_math::round_pairs(pairs.mutable_data_ptr<c10::BFloat16>(), even.const_data_ptr<float>(),
                        nullptr, count);
  CHECK(same_bits(pairs, at::stack({even, at::zeros({count})}, 1).flatten().to(at::kBFloat16)));
  auto wide = at::empty({count});
  row_math::widen(wide.mutable_data_ptr<float>(), out.const_data_ptr<c10::BFloat16>(), count);
  CHECK(wide.equal(out.to(at::kFloat)));
  even.fill_(std::numeric_limits<float>::quiet_NaN());
  row_math::scale_to(out.mutable_data_ptr<c10::BFloat16>(), even.const_data_ptr<float>(), count,
                     1.0F);
  CHECK(out.isnan().all().item<bool>());
}

}  // namespace
}  // namespace longspan
