// What a run says of itself before its first step.

#include "train/description.h"

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "longspan/device/device.h"
#include "longspan/kernels/attention.h"
#include "longspan/run/environment.h"

namespace longspan {
namespace {

// LibTorch hands products of two bytes an element to oneDNN only where these are there.
bool has_fast_products(Precision precision) {
  if (precision == Precision::Fp32) return true;
#if defined(__x86_64__)
  if (precision == Precision::Fp16) return __builtin_cpu_supports("avx512fp16");
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
#else
  return true;
#endif
}

void log_paths(const RunConfig& config, c10::Device device, const Transformer& model) {
  log::info("attention", {{"path", attention_path(device.type(), model.position().score_bias(1))}});
  const Precision precision = config.train.precision;
  if (device.is_cpu() && !has_fast_products(precision))
    log::warn(concat(name_of(precision),
                     " products take LibTorch's plain loops on a processor without ",
                     precision == Precision::Fp16 ? "AVX512-FP16" : "AVX-512",
                     ", tens of times slower than fp32; set train.precision to fp32"));
}

}  // namespace

void describe_run(const RunConfig& config, const TrainOptions& options, const Transformer& model,
                  const RunSizes& sizes) {
  write_file_durably(options.run_folder / "config.yaml", config.resolved);
  Json environment = describe_environment(options.command_line, options.device);
  environment["parameters"] = model.num_parameters();
  environment["vocab_size"] = model.vocab_size();
  environment["train_tokens"] = sizes.train_tokens;
  environment["processes"] = sizes.processes;
  write_json(options.run_folder / "environment.json", environment);
  log_paths(config, options.device, model);
  log::info("training", {{"device", device_name(options.device)},
                         {"parameters", model.num_parameters()},
                         {"vocab_size", model.vocab_size()},
                         {"train_tokens", sizes.train_tokens},
                         {"steps", sizes.total_steps ? concat(*sizes.total_steps) : "no limit"},
                         {"steps_per_epoch", sizes.steps_per_epoch},
                         {"run", options.run_folder.string()}});
}

}  // namespace longspan
