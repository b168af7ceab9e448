// Times each kernel for GPUs on the first GPU at the sizes of a pass of configs/wikitext103.yaml,
// and beside attention LibTorch's, which has neither our biases nor our dropout.
//
// Usage: gpu_benchmark [--once | --device]
//   --once    runs each kernel once on small sizes, for tools that watch what they do
//   --device  prints the name of the GPU

#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstdio>
#include <string>

#include "benchmark/gpu_timing.h"
#include "kernels/kernel_tables.h"
#include "longspan/core/error.h"
#include "longspan/device/device.h"
#include "longspan/kernels/cross_entropy.h"

namespace longspan::benchmark {
namespace {

struct Band {
  std::int64_t num_ids, width;
};

struct Sizes {
  std::int64_t tokens, width, ffn_dim;
  std::vector<std::int64_t> lengths;
  std::vector<Band> bands;  // of the adaptive vocabulary
};

const Sizes kOfTraining{
    9216, 1024, 4096, {512, 1024, 3072}, {{20002, 1024}, {40000, 256}, {207736, 64}}};
const Sizes kSmall{144, 256, 264, {72, 130}, {{1000, 64}}};

// A differentiable function of its inputs; its work is in FLOP or bytes.
struct Operation {
  std::string name;
  double forward_work = 0.0, backward_work = 0.0;  // no work: not differentiated
  const char* unit = "GB/s";
  std::vector<at::Tensor> inputs;
  std::function<std::vector<at::Tensor>()> run;
};

at::TensorOptions on_gpu(at::ScalarType dtype) {
  return at::TensorOptions(dtype).device(c10::Device(c10::kCUDA, 0));
}

at::Tensor random(at::IntArrayRef sizes, at::ScalarType dtype = at::kBFloat16) {
  return at::randn(sizes, on_gpu(dtype)).requires_grad_();
}

at::Tensor row_ids(std::int64_t B, std::int64_t T) {
  return dropout_row_ids(at::arange(B, on_gpu(at::kLong)), 0, T);
}

class Benchmark {
 public:
  Benchmark(const Sizes& sizes, bool once) : sizes_(sizes), once_(once) {}

  int num_failed() const { return num_failed_; }

  void run() {
    for (const std::int64_t K : {64, 128})
      for (const std::int64_t L : sizes_.lengths) attention_at(K, L);
    rows();
    for (const Band& band : sizes_.bands) loss(band);
    if (is_any_late_) std::puts("* the GPU has waited for the CPU: its own time is less");
  }

 private:
  void measure(const Operation& operation) {
    std::printf("%-60s", operation.name.c_str());
    try {
      print("", operation.forward_work, operation.unit, [&] { operation.run(); });
      if (operation.backward_work > 0.0) {
        const auto outputs = operation.run();
        std::vector<at::Tensor> gradients;
        for (const auto& output : outputs) gradients.push_back(at::randn_like(output));
        print("backward", operation.backward_work, operation.unit, [&] {
          torch::autograd::grad(outputs, operation.inputs, gradients, /*retain_graph=*/true);
        });
      }
    } catch (const std::exception& error) {
      const std::string text = error.what();
      std::printf(" failed: %s", text.substr(0, text.find('\n')).c_str());
      ++num_failed_;
    }
    std::puts("");
    std::fflush(stdout);
  }

  void print(const char* direction, double work, const char* unit,
             const std::function<void()>& call) {
    if (once_) {
      call();
      c10::impl::getDeviceGuardImpl(c10::kCUDA)->synchronizeDevice(0);
      std::printf(" %s ran", direction);
      return;
    }
    const auto [milliseconds, is_late] = gpu_time(call);
    const double rate = work / milliseconds / (std::string(unit) == "GB/s" ? 1e6 : 1e9);
    std::printf(" %s %8.3f%s ms %7.1f %s", direction, milliseconds, is_late ? "*" : " ", rate,
                unit);
    is_any_late_ = is_any_late_ || is_late;
  }

  // Causal: half of the products of all queries with all keys count.
  void attention_at(std::int64_t K, std::int64_t L) {
    const std::int64_t B = std::max<std::int64_t>(1, sizes_.tokens / L), H = sizes_.width / K;
    const auto q = random({B, L, H, K}), k = random({B, L, H, K}), v = random({B, L, H, K});
    const double product = double(B * H * L) * double(L * K);
    const std::string size = concat(" K ", K, " L ", L);
    for (const bool drops : {false, true})
      for (const auto form : {BiasForm::None, BiasForm::Linear, BiasForm::Distance}) {
        AttentionOptions options{bias_of(form, H, L), 1.0 / std::sqrt(double(K)), std::nullopt};
        if (drops) options.dropout = {0.1, {1, 2, 3}, row_ids(B, L)};
        std::vector<at::Tensor> inputs{q, k, v};
        if (const auto table = trainable_part(options.bias); table.defined())
          inputs.push_back(table);
        measure({concat(attention_path({c10::kCUDA, at::kBFloat16, form, K, L, L}), size,
                        name_of(form), drops ? ", dropout" : ""),
                 2 * product, 5 * product, "TFLOP/s", inputs,
                 [=] { return std::vector{attention(q, k, v, options)}; }});
      }
    if (!once_)
      for (const char* backend : {"flash", "efficient", "cuDNN"})
        attention_of_libtorch(backend, size, {q, k, v}, product);
  }

  void attention_of_libtorch(const std::string& backend, const std::string& size,
                             const std::vector<at::Tensor>& inputs, double product) {
    auto& context = at::globalContext();
    context.setSDPUseFlash(backend == "flash");
    context.setSDPUseMemEfficient(backend == "efficient");
    context.setSDPUseCuDNN(backend == "cuDNN");
    context.setSDPUseMath(false);
    measure(
        {concat("LibTorch's ", backend, size), 2 * product, 5 * product, "TFLOP/s", inputs, [=] {
           return std::vector{at::scaled_dot_product_attention(
               inputs[0].transpose(1, 2), inputs[1].transpose(1, 2), inputs[2].transpose(1, 2), {},
               0.0, /*is_causal=*/true)};
         }});
  }

  static ScoreBias bias_of(BiasForm form, std::int64_t H, std::int64_t L) {
    if (form == BiasForm::Linear) return LinearBias{at::rand({H}, on_gpu(at::kFloat))};
    if (form == BiasForm::Distance) return DistanceBias{random({H, L}, at::kFloat)};
    return {};
  }

  static const char* name_of(BiasForm form) {
    return form == BiasForm::Linear     ? " linear"
           : form == BiasForm::Distance ? " distance"
                                        : " none";
  }

  // Bytes: what must be read and written, once each.
  void rows() {
    const std::int64_t N = sizes_.tokens, D = sizes_.width, F = sizes_.ffn_dim;
    const double row_bytes = 2.0 * double(N * D), wide_bytes = 2.0 * double(N * F);
    const auto x = random({N, D}), branch = random({N, D});
    const NormWeights norm{random({D}, at::kFloat), random({D}, at::kFloat)};
    const RowDropout dropout{0.3, {1, 2, 3}, row_ids(1, N).view({N})};
    for (const bool drops : {false, true})
      measure({concat("residual, norm", drops ? ", dropout" : ""),
               4 * row_bytes,
               (drops ? 5 : 4) * row_bytes,
               "GB/s",
               {x, branch, norm.weight_D, norm.bias_D},
               [=] {
                 const auto found = residual_norm(
                     x, branch, drops ? std::optional(dropout) : std::nullopt, norm, at::kBFloat16);
                 return std::vector{found.sum, found.normed};
               }});
    measure({"dropout", 2 * row_bytes, 2 * row_bytes, "GB/s", {x}, [=] {
               return std::vector{counted_dropout(x, dropout.row_ids, dropout.p, dropout.key)};
             }});
    const auto wide = random({N, F}), gate = random({N, F});
    for (const auto& [name, kind] : {std::pair{"relu", Activation::Relu},
                                     {"gelu", Activation::Gelu},
                                     {"swiglu", Activation::Swiglu}})
      for (const bool drops : {false, true}) {
        const bool is_gated = kind == Activation::Swiglu;
        const ActivationInput input{wide, is_gated ? gate : at::Tensor()};
        measure({concat(name, drops ? ", dropout" : ""), (is_gated ? 3 : 2) * wide_bytes,
                 (is_gated ? 5 : 3) * wide_bytes, "GB/s",
                 is_gated ? std::vector{wide, gate} : std::vector{wide}, [=, kind = kind] {
                   return std::vector{
                       activated(kind, input, drops ? std::optional(dropout) : std::nullopt)};
                 }});
      }
    const std::int64_t K = 128, L = sizes_.lengths.front(), B = std::max<std::int64_t>(1, N / L);
    const auto heads = random({B, L, D / K, K});
    const RotaryAngles angles{at::rand({L, K / 2}, on_gpu(at::kFloat)),
                              at::rand({L, K / 2}, on_gpu(at::kFloat))};
    const double head_bytes = 2.0 * double(B * L * D);
    measure({"rotation", 2 * head_bytes, 2 * head_bytes, "GB/s", {heads}, [=] {
               return std::vector{rotate_pairs(heads, angles, RotaryPairing::Interleaved)};
             }});
  }

  // The kernels may leave anything in the logits, which takes as long to read again.
  void loss(const Band& band) {
    const auto [V, D] = band;
    const std::int64_t N = sizes_.tokens,
                       rows = std::min(N, rows_of_logits_at_once(V, at::kBFloat16, c10::kCUDA));
    const std::string size = concat(" V ", V, " K ", D);
    const auto targets = at::randint(V, {N}, on_gpu(at::kLong));
    const auto features = random({N, D}), weight = random({V, D});
    measure({concat("linear cross-entropy and its gradients", size),
             6.0 * double(N * D) * double(V),
             0.0,
             "TFLOP/s",
             {},
             [=] { return std::vector{linear_cross_entropy(features, weight, targets)}; }});
    const at::NoGradGuard no_gradient;
    const auto& kernel = kernel_for(cross_entropy_kernels(), {c10::kCUDA, at::kFloat});
    const auto logits = at::randn({rows, V}, on_gpu(at::kFloat)),
               row_targets = targets.narrow(0, 0, rows).contiguous();
    measure({concat("loss of logits: ", kernel.name, size),
             6.0 * double(rows * V),
             0.0,
             "GB/s",
             {},
             [&] {
               return std::vector{
                   kernel.run.loss(logits, row_targets, {at::kBFloat16, 1.0}).d_logits_NV};
             }});
    measure({concat("log-probabilities: ", kernel.name, size),
             4.0 * double(rows * V),
             0.0,
             "GB/s",
             {},
             [&] { return std::vector{kernel.run.log_probabilities(logits, row_targets)}; }});
  }

  Sizes sizes_;
  bool once_, is_any_late_ = false;
  int num_failed_ = 0;
};

int main_of(const std::string& argument) {
  const bool wants_help = argument == "--help";
  if (wants_help || (argument != "" && argument != "--once" && argument != "--device")) {
    std::fputs("Usage: gpu_benchmark [--once | --device]\n", wants_help ? stdout : stderr);
    return wants_help ? 0 : 2;
  }
  if (num_gpus() == 0) {
    std::fputs("gpu_benchmark: needs a GPU, CUDA finds none\n", stderr);
    return 2;
  }
  if (argument == "--device") {
    std::puts(device_name({c10::kCUDA, 0}).c_str());
    return 0;
  }
  const bool once = argument == "--once";
  Benchmark benchmark(once ? kSmall : kOfTraining, once);
  benchmark.run();
  return benchmark.num_failed() > 0 ? 1 : 0;
}

}  // namespace
}  // namespace longspan::benchmark

int main(int argc, char** argv) {
  try {
    return longspan::benchmark::main_of(argc > 1 ? argv[1] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gpu_benchmark: %s\n", error.what());
    return 1;
  }
}
