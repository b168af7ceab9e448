// Every kernel of attention against the definition, and against the plain one.

#include "longspan/kernels/attention.h"

#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <vector>

#include "kernels/kernel_tables.h"
#include "kernels/panel_products.h"
#include "longspan/core/error.h"
#include "support/bias_forms.h"
#include "support/first_seen.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using testing::difference;
using testing::first_seen;
using testing::form_names;
using testing::make_bias;
using testing::random_tensor;

double bias_at(const ScoreBias& bias, std::int64_t h, std::int64_t t, std::int64_t s,
               std::int64_t distance) {
  if (const auto* linear = std::get_if<LinearBias>(&bias))
    return -linear->slopes_H[h].item<double>() * double(distance);
  if (const auto* by_distance = std::get_if<DistanceBias>(&bias))
    return by_distance->bias_HN[h][distance].item<double>();
  if (const auto* dense = std::get_if<DenseBias>(&bias))
    return dense->bias_HTS[h][t][s].item<double>();
  return 0.0;
}

/// The definition, one score at a time.
at::Tensor reference(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const AttentionOptions& options) {
  const std::int64_t B = q.size(0), T = q.size(1), H = q.size(2), S = k.size(1), G = k.size(2);
  at::Tensor out = at::zeros(q.sizes(), at::kDouble);
  for (std::int64_t b = 0; b < B; ++b)
    for (std::int64_t h = 0; h < H; ++h)
      for (std::int64_t t = 0; t < T; ++t) {
        const std::int64_t g = h / (H / G), position = S - T + t;
        const std::int64_t first =
            options.first_seen_BT.defined() ? options.first_seen_BT[b][t].item<std::int64_t>() : 0;
        double sum = 0;
        at::Tensor mixed = at::zeros({q.size(3)}, at::kDouble);
        for (std::int64_t s = first; s <= position; ++s) {
          const double score = options.scale * q[b][t][h].dot(k[b][s][g]).item<double>() +
                               bias_at(options.bias, h, t, s, position - s);
          sum += std::exp(score);
          mixed += std::exp(score) * v[b][s][g];
        }
        out[b][t][h] = mixed / sum;
      }
  return out;
}

TEST_CASE("keys and values that lie in room for more give the bits of those that do not") {
  const auto form = GENERATE(from_range(form_names()));
  const auto dtype = GENERATE(at::kFloat, at::kDouble, at::kBFloat16);
  INFO(form);
  const std::int64_t B = 3, T = 4, H = 4, G = 2, K = 8, S = 9, capacity = 14;
  const auto q = random_tensor({B, T, H, K}, 1, dtype);
  const auto k_room = random_tensor({B, capacity, G, K}, 2, dtype),
             v_room = random_tensor({B, capacity, G, K}, 3, dtype);
  const AttentionOptions options{make_bias(form, H, T, S), 0.3, std::nullopt};
  const auto run = [&](bool packed) {
    const auto part = [&](const at::Tensor& room) {
      const auto keys = room.narrow(1, 0, S);
      return (packed ? keys.contiguous() : keys).detach().requires_grad_();
    };
    const auto q_leaf = q.detach().requires_grad_(), k = part(k_room), v = part(v_room);
    const auto out = attention(q_leaf, k, v, options);
    (out * out).sum().backward();
    return std::vector<at::Tensor>{out.detach(), q_leaf.grad(), k.grad(), v.grad()};
  };
  const auto packed = run(true), loose = run(false);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    INFO(i);
    CHECK(loose[i].equal(packed[i]));
  }
}

TEST_CASE(
    "parts of one matrix give the bits of matrices of their own, and gradients that are parts") {
  const auto form = GENERATE(from_range(form_names()));
  const auto dtype = GENERATE(at::kFloat, at::kDouble, at::kBFloat16);
  const auto T = GENERATE(std::int64_t{9}, std::int64_t{100});
  INFO(form << ", T " << T);
  const std::int64_t B = 3, H = 4, G = 2, K = 8;
  const auto all = random_tensor({B, T, H + 2 * G, K}, 1, dtype),
             weights = random_tensor({B, T, H, K}, 2, dtype);
  const AttentionOptions options{make_bias(form, H, T, T), 0.3, std::nullopt};
  const auto run = [&](bool packed) {
    const auto part = [&](std::int64_t first, std::int64_t heads) {
      const auto rows = all.narrow(2, first, heads);
      return (packed ? rows.contiguous() : rows).detach().requires_grad_();
    };
    const auto q = part(0, H), k = part(H, G), v = part(H + G, G);
    const auto out = attention(q, k, v, options);
    const auto gradients = torch::autograd::grad({out}, {q, k, v}, {weights});
    return std::vector<at::Tensor>{out.detach(), gradients[0], gradients[1], gradients[2]};
  };
  const auto packed = run(true), parts = run(false);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    INFO(i);
    CHECK(packed[i].equal(parts[i]));
  }
  const KernelCase wanted{c10::kCPU, dtype, form_of(options.bias), K};
  if (kernel_for(attention_kernels(), wanted).name != attention_kernels()[1].name) return;
  CHECK(parts[1].is_alias_of(parts[3]) == !attention_widens(c10::kCPU, dtype, T, K));
}

TEST_CASE("attention equals its definition for every form of bias") {
  const auto form = GENERATE(from_range(form_names()));
  const auto cached = GENERATE(0, 9);
  const bool documents = GENERATE(false, true);
  INFO(form << ", " << cached << " cached keys" << (documents ? ", documents" : ""));
  const std::int64_t B = 2, T = 5, H = 6, G = 3, K = 4, S = T + cached;
  const auto q = random_tensor({B, T, H, K}, 1, at::kDouble),
             k = random_tensor({B, S, G, K}, 2, at::kDouble);
  const auto v = random_tensor({B, S, G, K}, 3, at::kDouble);
  AttentionOptions options{make_bias(form, H, T, S), 0.5, std::nullopt};
  if (documents) options.first_seen_BT = first_seen(B, T, S, 3);
  const auto expected = reference(q, k, v, options);
  const auto narrow = [](const at::Tensor& x) { return x.to(at::kFloat); };
  for (const auto& kernel : attention_kernels()) {
    INFO(kernel.name);
    if (!kernel.takes({c10::kCPU, at::kFloat, form_of(options.bias)})) continue;
    CHECK(difference(kernel.run(q, k, v, options), expected, 1e-12) == "");
    // Rounding of scores of size about 4 to float32, and of a sum of up to S terms.
    CHECK(difference(kernel.run(narrow(q), narrow(k), narrow(v), options), expected,
                     32 * std::exp2(-24)) == "");
  }
  CHECK(difference(attention(q, k, v, options), expected, 1e-12) == "");
}

struct OutputAndGradients {
  at::Tensor output;
  std::vector<at::Tensor> gradients;
};

struct Shape {
  std::int64_t T, S, K;
  double scale;
};

OutputAndGradients run(const Kernel<AttentionRun>& kernel, const ScoreBias& bias, double p,
                       const at::Tensor& first_seen_BT, const Shape& shape = {150, 150, 8, 0.35},
                       at::ScalarType dtype = at::kDouble) {
  const auto [T, S, K, scale] = shape;
  const std::int64_t B = 2, H = 4, G = 2;
  const auto leaf = [&](at::IntArrayRef sizes, std::uint64_t seed) {
    return random_tensor(sizes, seed, at::kFloat).to(dtype).requires_grad_();
  };
  std::vector<at::Tensor> inputs{leaf({B, T, H, K}, 1), leaf({B, S, G, K}, 2),
                                 leaf({B, S, G, K}, 3)};
  AttentionOptions options{bias, scale, std::nullopt, first_seen_BT};
  if (const auto part = trainable_part(bias); part.defined()) {
    inputs.push_back(part.detach().clone().requires_grad_());
    options.bias = with_trainable_part(bias, inputs.back());
  }
  if (p > 0.0) options.dropout = {p, {1, 2, 3}, dropout_row_ids(at::arange(B, at::kLong), 0, T)};
  OutputAndGradients result{kernel.run(inputs[0], inputs[1], inputs[2], options), {}};
  result.output.mul(random_tensor({B, T, H, K}, 4, at::kFloat).to(dtype)).sum().backward();
  for (const auto& input : inputs) result.gradients.push_back(input.grad());
  return result;
}

TEST_CASE("kernels agree over several query blocks, gradients and dropout included") {
  const auto form = GENERATE(from_range(form_names()));
  const auto p = GENERATE(0.0, 0.2);
  const auto document = GENERATE(0, 1, 45, 70);  // tokens, 0: none
  const auto bias = make_bias(form, 4, 150, 150);
  const auto seen = document == 0 ? at::Tensor() : first_seen(2, 150, 150, document);
  const auto kernels = attention_kernels();
  const auto plain = run(kernels.back(), bias, p, seen);
  for (const auto& kernel : kernels.first(kernels.size() - 1)) {
    INFO(kernel.name << ", " << form << ", dropout " << p << ", documents of " << document);
    if (!kernel.takes({c10::kCPU, at::kDouble, form_of(bias)})) continue;
    const auto other = run(kernel, bias, p, seen);
    // Rounding in float64: an output is a sum of up to 150 terms that comes to less than 2, a
    // gradient a sum of up to 300 numbers like it that comes to less than 4.
    CHECK(difference(other.output, plain.output, 2 * 150 * std::exp2(-53)) == "");
    REQUIRE(other.gradients.size() == plain.gradients.size());
    for (std::size_t i = 0; i < plain.gradients.size(); ++i)
      CHECK(difference(other.gradients[i], plain.gradients[i], 4 * (150 + 300) * std::exp2(-53)) ==
            "");
  }
}

// Float32 has products of its own, over panels of 64 keys, where there are 32 queries and more.
TEST_CASE("float32 agrees with float64 over queries and keys of all alignments") {
  const auto form = GENERATE(from_range(form_names()));
  const auto shape =
      GENERATE(Shape{1, 2, 8, 0.35}, Shape{1, 131, 64, 0.125}, Shape{2, 67, 20, 0.22},
               Shape{4, 199, 3, 0.5}, Shape{5, 33, 16, 0.25}, Shape{31, 31, 8, 0.35},
               Shape{32, 32, 16, 0.25}, Shape{33, 97, 3, 0.5}, Shape{64, 64, 64, 0.125},
               Shape{65, 65, 33, 0.17}, Shape{127, 129, 128, 0.09}, Shape{150, 150, 8, 0.35});
  const auto p = GENERATE(0.0, 0.2);
  const auto document = GENERATE(0, 45);  // tokens, 0: none
  const auto bias = make_bias(form, 4, shape.T, shape.S);
  const auto seen = document == 0 ? at::Tensor() : first_seen(2, shape.T, shape.S, document);
  const auto kernels = attention_kernels();
  const auto exact = run(kernels.back(), bias, p, seen, shape);
  // A score is a sum of K terms and is exponentiated: its rounding is relative in a probability,
  // K/2 units (the terms' signs differ) of scores below 8. An output is a sum of up to S terms that
  // comes to less than 2, a gradient one of up to 2 S numbers like it that comes to less than 4.
  const double unit = std::exp2(-24), of_scores = 4.0 * static_cast<double>(shape.K + 8),
               terms = static_cast<double>(shape.S);
  for (const auto& kernel : kernels) {
    INFO(kernel.name << ", " << form << ", dropout " << p << ", documents of " << document << ", "
                     << shape.T << " queries, " << shape.S << " keys of " << shape.K);
    if (!kernel.takes({c10::kCPU, at::kFloat, form_of(bias)})) continue;
    const auto found = run(kernel, bias, p, seen, shape, at::kFloat);
    CHECK(difference(found.output.to(at::kDouble), exact.output, 2 * (terms + of_scores) * unit) ==
          "");
    REQUIRE(found.gradients.size() == exact.gradients.size());
    for (std::size_t i = 0; i < exact.gradients.size(); ++i)
      CHECK(difference(found.gradients[i].to(at::kDouble), exact.gradients[i],
                       4 * (3 * terms + of_scores) * unit) == "");
  }
}

struct Bounded {
  at::Tensor exact, bound;  ///< float64, of one shape
};

// What attention of bfloat16 factors is in float64, and how far rounding of probabilities, of their
// gradients and of results to bfloat16 (unit 2^-8) may move it; sums in float32 move it by less
// than a hundredth of that.
std::vector<Bounded> bounded(const at::Tensor& q_BTHK, const at::Tensor& k_BSHK,
                             const at::Tensor& v_BSHK, const at::Tensor& d_BTHK,
                             const at::Tensor& bias_HTS, const at::Tensor& hidden_BTS,
                             double scale) {
  const double unit = std::exp2(-8);
  const auto heads = [](const at::Tensor& x) { return x.permute({0, 2, 1, 3}); };
  const auto q = heads(q_BTHK), k = heads(k_BSHK), v = heads(v_BSHK), d = heads(d_BTHK);
  const auto turned = [](const at::Tensor& x) { return x.transpose(-1, -2); };
  const auto scores =
      (scale * at::matmul(q, turned(k)) + bias_HTS).masked_fill(hidden_BTS.unsqueeze(1), -INFINITY);
  const auto p = scores.softmax(-1), out = at::matmul(p, v), d_p = at::matmul(d, turned(v)),
             mean = (out * d).sum(-1, true), d_s = p * (d_p - mean);
  const auto d_s_bound = p * (unit * (out * d).abs().sum(-1, true)) + unit * d_s.abs();
  const auto of = [&](const at::Tensor& exact, const at::Tensor& moved) {
    return Bounded{heads(exact), heads(1.01 * (moved + unit * exact.abs()) + 1e-5)};
  };
  return {of(out, unit * at::matmul(p, v.abs())),
          of(scale * at::matmul(d_s, k), scale * at::matmul(d_s_bound, k.abs())),
          of(scale * at::matmul(turned(d_s), q), scale * at::matmul(turned(d_s_bound), q.abs())),
          of(at::matmul(turned(p), d), unit * at::matmul(turned(p), d.abs()))};
}

TEST_CASE("bfloat16 is off by the rounding of what it keeps in bfloat16") {
  const auto form = GENERATE("none", "linear", "distance");
  const auto shape = GENERATE(
      Shape{1, 2, 8, 0.35}, Shape{1, 131, 64, 0.125}, Shape{2, 67, 20, 0.22}, Shape{4, 199, 6, 0.4},
      Shape{31, 31, 8, 0.35}, Shape{32, 32, 16, 0.25}, Shape{33, 97, 6, 0.4},
      Shape{64, 64, 64, 0.125}, Shape{65, 65, 33, 0.17}, Shape{127, 129, 128, 0.09});
  const auto document = GENERATE(0, 45);  // tokens, 0: none
  const auto [T, S, K, scale] = shape;
  INFO(form << ", documents of " << document << ", " << T << " queries, " << S << " keys of " << K);
  const std::int64_t B = 2, H = 3;
  const auto leaf = [&](std::int64_t rows, std::uint64_t seed) {
    return random_tensor({B, rows, H, K}, seed, at::kBFloat16).requires_grad_();
  };
  const auto q = leaf(T, 1), k = leaf(S, 2), v = leaf(S, 3);
  const auto d = random_tensor({B, T, H, K}, 4, at::kBFloat16);
  AttentionOptions options{make_bias(form, H, T, S), scale, std::nullopt};
  const auto positions_T = at::arange(S - T, S), keys_S = at::arange(S);
  auto hidden_BTS = keys_S.unsqueeze(0).gt(positions_T.unsqueeze(1)).unsqueeze(0).repeat({B, 1, 1});
  if (document != 0) {
    options.first_seen_BT = first_seen(B, T, S, document);
    hidden_BTS |= keys_S.view({1, 1, S}).lt(options.first_seen_BT.unsqueeze(2));
  }
  const auto out = attention(q, k, v, options);
  (out * d).sum().backward();
  at::Tensor bias_HTS = at::zeros({H, T, S}, at::kDouble);
  for (std::int64_t h = 0; h < H; ++h)
    for (std::int64_t t = 0; t < T; ++t)
      for (std::int64_t s = 0; s <= S - T + t; ++s)
        bias_HTS[h][t][s] = bias_at(options.bias, h, t, s, S - T + t - s);
  const auto wide = [](const at::Tensor& x) { return x.detach().to(at::kDouble); };
  const auto expected = bounded(wide(q), wide(k), wide(v), wide(d), bias_HTS, hidden_BTS, scale);
  // Without gradients to come, a few queries take narrow keys as they lie.
  const auto decoded = [&] {
    const at::NoGradGuard no_gradient;
    return attention(q, k, v, options);
  }();
  CHECK(decoded.scalar_type() == at::kBFloat16);
  CHECK(((wide(decoded) - expected[0].exact).abs() <= expected[0].bound).all().item<bool>());
  const at::Tensor found[] = {out, q.grad(), k.grad(), v.grad()};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("tensor " << i);
    CHECK(found[i].scalar_type() == at::kBFloat16);
    const auto excess = (wide(found[i]) - expected[i].exact).abs() - expected[i].bound;
    CHECK(excess.max().item<double>() <= 0.0);
  }
}

TEST_CASE("the first kernel that takes a case runs it, and the log says which") {
  const std::string fused = "fused query blocks on the CPU", plain = "composed operations";
  for (const auto& name : form_names())
    for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf})
      for (const auto& [num_queries, num_keys] :
           {std::pair<std::int64_t, std::int64_t>{1, 1}, {1, 90}, {4, 90}, {5, 90}, {64, 90}}) {
        const BiasForm form = form_of(make_bias(name, 2, 3, 3));
        std::string products = "BLAS";
        if (num_queries <= 4 && num_keys > num_queries && dtype != at::kHalf)
          products = "row by row";
        else if (fused::takes_panels(dtype, num_queries, 64))
          products = "oneDNN's panels";
        CHECK(attention_path({c10::kCPU, dtype, form, 64, num_queries, num_keys}) ==
              (form == BiasForm::Dense ? plain : concat(fused, ", ", products)));
      }
  CHECK(attention_path({c10::kCUDA, at::kFloat, BiasForm::None, 64, 64, 64}) == plain);
}

}  // namespace
}  // namespace longspan
