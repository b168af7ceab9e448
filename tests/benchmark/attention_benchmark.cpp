// Times attention of the CPU, forward and backward, beside LibTorch's causal attention, which has
// no bias. All take turns, round by round, so that what else the machine does falls on all of them.
//
// Usage: attention_benchmark [ROUNDS]

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "longspan/kernels/attention.h"

namespace longspan {
namespace {

constexpr std::int64_t kTokens = 4096, kNumHeads = 8, kHeadDim = 64;

struct Subject {
  std::string name;
  std::function<at::Tensor()> run;
  std::vector<at::Tensor> inputs;
  std::vector<double> milliseconds = {};

  void time(const at::Tensor& gradient) {
    const auto begin = std::chrono::steady_clock::now();
    torch::autograd::grad({run()}, inputs, {gradient});
    milliseconds.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
            .count());
  }

  double median() const {
    std::vector<double> sorted = milliseconds;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

void compare(at::ScalarType dtype, std::int64_t L, int rounds) {
  const std::int64_t B = kTokens / L;
  const auto random = [&] {
    return at::randn({B, L, kNumHeads, kHeadDim}, dtype).requires_grad_();
  };
  const std::vector<at::Tensor> inputs{random(), random(), random()};
  const double scale = 1.0 / std::sqrt(static_cast<double>(kHeadDim));
  const auto ours = [&](const ScoreBias& bias) {
    return [inputs, options = AttentionOptions{bias, scale, std::nullopt}] {
      return attention(inputs[0], inputs[1], inputs[2], options);
    };
  };
  const LinearBias slopes{at::arange(1, kNumHeads + 1).to(at::kFloat).neg().exp2()};
  const DistanceBias distances{at::rand({kNumHeads, L})};
  std::vector<Subject> subjects{{"LibTorch",
                                 [inputs] {
                                   return at::scaled_dot_product_attention(
                                              inputs[0].transpose(1, 2), inputs[1].transpose(1, 2),
                                              inputs[2].transpose(1, 2), {}, 0.0, true)
                                       .transpose(1, 2);
                                 },
                                 inputs},
                                {"no bias", ours({}), inputs},
                                {"linear bias", ours(slopes), inputs},
                                {"bias by distance", ours(distances), inputs}};
  const at::Tensor gradient = at::randn({B, L, kNumHeads, kHeadDim}, dtype);
  for (int round = 0; round <= rounds; ++round)
    for (Subject& subject : subjects) {
      if (round == 1) subject.milliseconds.clear();
      subject.time(gradient);
    }
  std::printf("%-9s %5lld", dtype == at::kFloat ? "float32" : "bfloat16",
              static_cast<long long>(L));
  for (const Subject& subject : subjects)
    std::printf("  %s %.1f ms (%.2f)", subject.name.c_str(), subject.median(),
                subject.median() / subjects.front().median());
  std::puts("");
  std::fflush(stdout);
}

}  // namespace
}  // namespace longspan

int main(int count, char** arguments) {
  const int rounds = count == 1 ? 9 : std::atoi(arguments[1]);
  if (count > 2 || rounds < 1) {
    std::puts("Usage: attention_benchmark [ROUNDS]");
    return 0;
  }
  std::printf(
      "%d threads, %lld tokens, %lld heads of %lld; medians of %d, and their ratio to LibTorch's\n",
      at::get_num_threads(), static_cast<long long>(longspan::kTokens),
      static_cast<long long>(longspan::kNumHeads), static_cast<long long>(longspan::kHeadDim),
      rounds);
  for (const auto dtype : {at::kFloat, at::kBFloat16})
    for (const std::int64_t L : {256, 512, 1024, 2048, 4096}) longspan::compare(dtype, L, rounds);
}
