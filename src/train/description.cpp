// What a run says of itself before its first step.

#include "train/description.h"

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "longspan/device/device.h"
#include "longspan/device/processor.h"
#include "longspan/kernels/attention.h"
#include "longspan/run/environment.h"

namespace longspan {
namespace {

void log_paths(const RunConfig& config, c10::Device device, const Transformer& model) {
  log::info(
      "attention",
      {{"path", attention_path({device.type(), config.compute_dtype(),
                                form_of(model.position().score_bias(1)), model.config().head_dim(),
                                config.data.seq_len, config.data.seq_len})}});
  const Precision precision = config.train.precision;
  if (device.is_cpu() && !has_fast_products(config.compute_dtype()))
    log::warn(concat(name_of(precision),
                     " products take LibTorch's plain loops on a processor without ",
                     precision == Precision::Fp16 ? "AVX512-FP16" : "AVX-512",
                     ", tens of times slower than fp32; set train.precision to fp32"));
}

}  // namespace

void write_description(const Workspace& work, const TrainOptions& options) {
  write_file_durably(options.run_folder / "config.yaml", work.config.resolved);
  Json environment = describe_environment(options.command_line, options.device);
  environment["parameters"] = work.model.num_parameters();
  environment["vocab_size"] = work.model.vocab_size();
  environment["train_tokens"] = work.train_stream.size();
  environment["processes"] = work.communicator.world_size();
  write_json(options.run_folder / "environment.json", environment);
  write_json(options.run_folder / kOriginFile, work.data.origin());
}

void log_description(const Workspace& work, const TrainOptions& options) {
  log_paths(work.config, options.device, work.model);
  log::info("training", {{"device", device_name(options.device)},
                         {"parameters", work.model.num_parameters()},
                         {"vocab_size", work.model.vocab_size()},
                         {"train_tokens", work.train_stream.size()},
                         {"steps", work.total_steps ? concat(*work.total_steps) : "no limit"},
                         {"steps_per_epoch", work.plan->steps_per_epoch()},
                         {"run", options.run_folder.string()}});
}

}  // namespace longspan
