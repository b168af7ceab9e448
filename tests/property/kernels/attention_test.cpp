// Every form of bias through one contract: gradients, causality, the same bits on any number of
// threads.

#include "longspan/kernels/attention.h"

#include <vector>

#include "kernels/kernel_tables.h"
#include "support/bias_forms.h"
#include "support/first_seen.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::form_names;
using testing::make_bias;
using testing::random_tensor;

TEST_CASE("gradients pass the float64 check for every form") {
  const auto form = GENERATE(from_range(form_names()));
  const auto p = GENERATE(0.0, 0.3);
  INFO(form << ", dropout " << p);
  const std::int64_t B = 2, T = 5, H = 2, K = 3;
  auto q = random_tensor({B, T, H, K}, 1, at::kDouble).requires_grad_();
  auto k = random_tensor({B, T, 1, K}, 2, at::kDouble).requires_grad_();
  auto v = random_tensor({B, T, 1, K}, 3, at::kDouble).requires_grad_();
  AttentionOptions options{make_bias(form, H, T, T), 0.7, std::nullopt};
  std::vector<at::Tensor> inputs{q, k, v};
  if (auto* distance = std::get_if<DistanceBias>(&options.bias)) {
    distance->bias_HN = distance->bias_HN.narrow(1, 0, T).clone().requires_grad_();
    inputs.push_back(distance->bias_HN);
  }
  if (auto* dense = std::get_if<DenseBias>(&options.bias))
    inputs.push_back(dense->bias_HTS.requires_grad_());
  if (p > 0.0) options.dropout = {p, {1, 2, 3}, dropout_row_ids(at::arange(B, at::kLong), 0, T)};
  const auto weights = random_tensor({B, T, H, K}, 4, at::kDouble);
  for (const auto& kernel : attention_kernels()) {
    INFO(kernel.name);
    if (!kernel.takes({c10::kCPU, at::kDouble, form_of(options.bias)})) continue;
    CHECK(testing::check_gradients([&] { return kernel.run(q, k, v, options).mul(weights).sum(); },
                                   inputs) == "");
  }
}

TEST_CASE("a later key never changes an earlier output") {
  const auto form = GENERATE(from_range(form_names()));
  INFO(form);
  const std::int64_t B = 1, T = 70, H = 2, K = 4, changed = 66;
  const AttentionOptions options{make_bias(form, H, T, T), 0.5, std::nullopt};
  for (const auto& kernel : attention_kernels()) {
    INFO(kernel.name);
    if (!kernel.takes({c10::kCPU, at::kFloat, form_of(options.bias)})) continue;
    const auto q = random_tensor({B, T, H, K}, 1), k = random_tensor({B, T, H, K}, 2),
               v = random_tensor({B, T, H, K}, 3);
    const auto before = kernel.run(q, k, v, options);
    k.select(1, changed).fill_(50.0);
    v.select(1, changed).fill_(-50.0);
    const auto after = kernel.run(q, k, v, options);
    CHECK(before.narrow(1, 0, changed).equal(after.narrow(1, 0, changed)));
    CHECK_FALSE(before.select(1, changed).equal(after.select(1, changed)));
  }
}

TEST_CASE("a query in a document gives the bits that it gives where the document stands alone") {
  const auto form = GENERATE(std::string("none"), std::string("linear"), std::string("distance"));
  INFO(form);
  const std::int64_t B = 1, T = 3 * 64, H = 2, K = 4, document = 64;
  const auto q = random_tensor({B, T, H, K}, 1), k = random_tensor({B, T, H, K}, 2),
             v = random_tensor({B, T, H, K}, 3);
  const ScoreBias bias = make_bias(form, H, T, T);
  const auto packed =
      attention(q, k, v, {bias, 0.5, std::nullopt, testing::first_seen(B, T, T, document)});
  for (std::int64_t begin = 0; begin < T; begin += document) {
    const auto own = [&](const at::Tensor& x) { return x.narrow(1, begin, document).contiguous(); };
    CHECK(own(packed).equal(attention(own(q), own(k), own(v), {bias, 0.5, std::nullopt})));
  }
}

TEST_CASE("results are the same bits for any number of threads") {
  const std::int64_t B = 3, T = 130, H = 2, K = 8;
  const int threads = at::get_num_threads();
  std::vector<at::Tensor> runs;
  for (const int count : {1, 2}) {
    at::set_num_threads(count);
    auto q = random_tensor({B, T, H, K}, 1).requires_grad_();
    const auto k = random_tensor({B, T, H, K}, 2), v = random_tensor({B, T, H, K}, 3);
    const AttentionOptions options{
        LinearBias{at::tensor({0.5, 0.25})}, 0.3,
        AttentionDropout{0.1, {1, 2, 3}, dropout_row_ids(at::arange(B, at::kLong), 0, T)}};
    const auto out = attention(q, k, v, options);
    out.square().sum().backward();
    runs.push_back(out.detach());
    runs.push_back(q.grad());
  }
  at::set_num_threads(threads);
  CHECK(runs[0].equal(runs[2]));
  CHECK(runs[1].equal(runs[3]));
}

}  // namespace
}  // namespace longspan
