// The training loop. All that decides a step's numbers is a function of (config, step): the loop
// only counts, logs and saves.

#include "longspan/train/trainer.h"

#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "longspan/evaluate/evaluate.h"
#include "longspan/kernels/attention.h"
#include "longspan/train/run.h"
#include "train/checkpoint_writer.h"
#include "train/metrics.h"
#include "train/micro_batch.h"
#include "train/progress.h"
#include "train/signals.h"
#include "train/step.h"

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

// LibTorch hands products of two bytes an element to oneDNN only where these are there.
bool has_fast_products(const std::string& precision) {
  if (precision == "fp32") return true;
#if defined(__x86_64__)
  if (precision == "fp16") return __builtin_cpu_supports("avx512fp16");
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
#else
  return true;
#endif
}

// The seconds of the steps since the last row of metrics.
struct Interval {
  Clock::time_point start = Clock::now();
  double data_wait_seconds = 0.0;
  double paused_seconds = 0.0;  // validation and saving, which are no part of a step
  std::int64_t steps = 0;
  std::int64_t targets = 0;
};

class Trainer {
 public:
  Trainer(const RunConfig& config, const TrainOptions& options);
  TrainResult run();

 private:
  void resume();
  void settle_micro_batch();
  void start_loss_scale();
  void restore(const CheckpointContents& contents);
  void describe() const;
  TrainResult loop();
  bool is_last(std::int64_t step) const;
  void finish_step(const StepResult& result);
  Json validate();
  void write_row(const StepResult& result, const Json& validation);
  void show_progress(const Json& row) const;
  bool is_new_best(const Json& validation);

  RunConfig config_;
  const TrainOptions& options_;
  FileLock lock_;
  ShardFolder data_;
  TokenStream train_stream_;
  std::shared_ptr<const BatchPlan> plan_;
  std::int64_t total_steps_ = 0;
  std::int64_t num_blocks_ = 0;
  Transformer model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<LossScale> loss_scale_;  // fp16 only
  RunProgress progress_;
  std::unique_ptr<MetricsWriter> metrics_;
  CheckpointWriter checkpoints_;
  Interval interval_;
  Clock::time_point started_;
  double elapsed_before_ = 0.0;
};

const std::filesystem::path& made(const std::filesystem::path& run_folder) {
  try {
    make_folder(run_folder);
  } catch (const Error& error) {
    throw Error(ErrorKind::Config, concat("the run's folder must be writable: ", error.what(),
                                          "; choose another with --run"));
  }
  return run_folder;
}

Trainer::Trainer(const RunConfig& config, const TrainOptions& options)
    : config_(config),
      options_(options),
      lock_(made(options.run_folder) / ".lock"),
      data_((log::add_file(options.run_folder / "log.txt"), prepare_data(config.data))),
      train_stream_(data_.stream("train")),
      model_(make_model(config, data_.tokenizer().vocab_size())),
      optimizer_(make_optimizer(config.optimizer, model_.parameters())),
      checkpoints_(config_, options.run_folder, data_.tokenizer_folder()) {
  num_blocks_ = num_blocks(train_stream_, config.data.seq_len);
  plan_ = make_run_plan(config, train_stream_.size());
  total_steps_ = planned_steps(config.train, plan_->steps_per_epoch());
  progress_.data_fingerprint = data_.fingerprint();
}

void Trainer::restore(const CheckpointContents& contents) {
  const RunProgress saved = RunProgress::from_json(contents.trainer);
  check(saved.data_fingerprint == progress_.data_fingerprint, ErrorKind::Checkpoint,
        options_.run_folder.string(), " was trained on other shards than ", config_.data.shards,
        " (", saved.data_fingerprint, "), got ", progress_.data_fingerprint,
        "; restore them or start another run");
  model_.load_parameters(contents.model);
  optimizer_->load_state(contents.optimizer);
  progress_ = saved;
  elapsed_before_ = saved.elapsed_seconds;
  log::info("resumed", {{"step", progress_.step}});
  if (contents.config_yaml != config_.resolved)
    log::warn(
        "the config differs from the one this run was saved with; see config.yaml in the "
        "checkpoint");
}

void Trainer::resume() {
  if (options_.resume != "auto" && options_.resume != "never") {
    restore(load_checkpoint(options_.resume));
    return;
  }
  if (options_.resume == "never") {
    check(list_checkpoints(options_.run_folder).empty(), ErrorKind::Config,
          options_.run_folder.string(),
          " must hold no checkpoints with --resume never; choose another --run or remove it");
    return;
  }
  if (const auto newest = load_newest_checkpoint(options_.run_folder)) restore(*newest);
}

void Trainer::describe() const {
  write_file_durably(options_.run_folder / "config.yaml", config_.resolved);
  Json environment = describe_environment(options_.command_line);
  environment["parameters"] = model_.num_parameters();
  environment["vocab_size"] = model_.vocab_size();
  environment["train_tokens"] = train_stream_.size();
  write_json(options_.run_folder / "environment.json", environment);
  log::info("attention", {{"path", attention_path(c10::kCPU, model_.position().score_bias(1))}});
  if (const auto& precision = config_.train.precision; !has_fast_products(precision))
    log::warn(concat(precision, " products take LibTorch's plain loops on a processor without ",
                     precision == "fp16" ? "AVX512-FP16" : "AVX-512",
                     ", tens of times slower than fp32; set train.precision to fp32"));
  log::info("training", {{"parameters", model_.num_parameters()},
                         {"vocab_size", model_.vocab_size()},
                         {"train_tokens", train_stream_.size()},
                         {"steps", total_steps_},
                         {"steps_per_epoch", plan_->steps_per_epoch()},
                         {"run", options_.run_folder.string()}});
}

// A run keeps the size that it began with: another one would change the order of sums.
void Trainer::settle_micro_batch() {
  std::int64_t& micro_batch_tokens = config_.train.micro_batch_tokens;
  if (micro_batch_tokens == 0) {
    micro_batch_tokens = progress_.micro_batch_tokens > 0
                             ? progress_.micro_batch_tokens
                             : find_micro_batch_tokens(config_, model_);
    log::info("micro-batch", {{"tokens", micro_batch_tokens}, {"of", config_.train.batch_tokens}});
  }
  progress_.micro_batch_tokens = micro_batch_tokens;
}

void Trainer::start_loss_scale() {
  const TrainConfig& train = config_.train;
  if (train.precision != "fp16") return;
  loss_scale_.emplace(train.loss_scale, (train.batch_tokens + train.micro_batch_tokens - 1) /
                                            train.micro_batch_tokens);
  if (progress_.loss_scale) loss_scale_->set_state(*progress_.loss_scale);
}

TrainResult Trainer::run() {
  resume();
  if (progress_.step >= total_steps_ ||
      (config_.train.max_seconds > 0 && elapsed_before_ >= config_.train.max_seconds)) {
    log::info("already trained to its end", {{"step", progress_.step}});
    return {TrainResult::End::AlreadyDone, progress_.step};
  }
  settle_micro_batch();
  start_loss_scale();
  describe();
  metrics_ =
      std::make_unique<MetricsWriter>(options_.run_folder, progress_.step, config_.log.tensorboard);
  return loop();
}

TrainResult Trainer::loop() {
  const SignalGuard signals;
  BatchLoader loader(train_stream_, plan_, config_.data.seq_len, data_.tokenizer().start_id(),
                     progress_.step);
  started_ = Clock::now();
  interval_ = {};
  while (true) {
    const auto waiting = Clock::now();
    const BatchLoader::Step batch = loader.next();
    interval_.data_wait_seconds += seconds_since(waiting);
    log::set_step(batch.step + 1);
    const StepState state{*optimizer_, loss_scale_ ? &*loss_scale_ : nullptr, progress_.skipped};
    finish_step(run_step(config_, model_, state, batch));
    if (is_last(progress_.step) || SignalGuard::received() != 0) break;
  }
  checkpoints_.wait();
  log::end_progress();
  const int signal = SignalGuard::received();
  log::info(signal == 0 ? "done" : "stopped by a signal after a save", {{"step", progress_.step}});
  if (signal == SIGINT) return {TrainResult::End::Interrupted, progress_.step};
  if (signal == SIGTERM) return {TrainResult::End::Terminated, progress_.step};
  return {TrainResult::End::Done, progress_.step};
}

bool Trainer::is_last(std::int64_t step) const {
  return step >= total_steps_ ||
         (config_.train.max_seconds > 0 && progress_.elapsed_seconds >= config_.train.max_seconds);
}

bool every(std::int64_t period, std::int64_t step) { return period > 0 && step % period == 0; }

// Counts a step, then does what is due after it: validation, the row of metrics, the checkpoint, in
// this order, so that a checkpoint never knows of a row that is not in the file.
void Trainer::finish_step(const StepResult& result) {
  const std::int64_t step = ++progress_.step;
  progress_.tokens += result.num_targets;
  progress_.elapsed_seconds = elapsed_before_ + seconds_since(started_);
  if (loss_scale_) progress_.loss_scale = loss_scale_->state();
  if (result.skipped) {
    ++progress_.skipped;
    log::info("update skipped: the gradient overflowed", {{"loss_scale", loss_scale_->scale()}});
  } else {
    progress_.interval_loss_sum += result.loss_sum;
    progress_.interval_targets += result.num_targets;
  }
  ++interval_.steps;
  interval_.targets += result.num_targets;
  const bool last = is_last(step), stopped = SignalGuard::received() != 0;
  Json validation = Json::object();
  if (every(config_.validate.every_steps, step) || (last && !stopped)) validation = validate();
  const bool best = is_new_best(validation);
  if (every(config_.log.every_steps, step) || !validation.empty()) write_row(result, validation);
  if (every(config_.checkpoint.every_steps, step) || best || last || stopped) {
    const auto saving = Clock::now();
    checkpoints_.save(model_, *optimizer_, progress_);
    interval_.paused_seconds += seconds_since(saving);
  }
}

Json Trainer::validate() {
  const auto start = Clock::now();
  const EvaluationText text{data_.stream("valid"), data_.counts("valid"), data_.shared_tokenizer(),
                            "valid"};
  EvaluationOptions options;
  options.train_length = config_.data.seq_len;
  options.compute_dtype = config_.compute_dtype();
  options.max_targets = config_.validate.max_targets;
  Json row = Json::object();
  const auto score = [&](std::int64_t length) {
    return evaluate_cell(model_, text, length, EvaluationMode{}, options);
  };
  for (const std::int64_t length : config_.validate.lengths) {
    const auto cell = score(length);
    const std::string suffix =
        length == config_.validate.lengths.front() ? "" : concat("@", length);
    row["valid/loss" + suffix] = cell.loss_nats;
    row["valid/ppl" + suffix] = cell.ppl;
  }
  const auto limit = model_.position().max_positions();
  for (const std::int64_t length : config_.validate.extrapolation_lengths)
    if (!limit || length <= *limit) row[concat("extrapolation/ppl@", length)] = score(length).ppl;
  interval_.paused_seconds += seconds_since(start);
  return row;
}

bool Trainer::is_new_best(const Json& validation) {
  const auto found = validation.find(config_.checkpoint.keep_best);
  if (found == validation.end()) return false;
  const double value = found->get<double>();
  if (progress_.best_value && value >= *progress_.best_value) return false;
  progress_.best_value = value;
  progress_.best_step = progress_.step;
  return true;
}

void Trainer::write_row(const StepResult& result, const Json& validation) {
  const double seconds = std::max(1e-9, seconds_since(interval_.start) - interval_.paused_seconds);
  const double loss = progress_.interval_loss_sum / static_cast<double>(progress_.interval_targets);
  Json row{
      {"step", progress_.step},
      {"tokens", progress_.tokens},
      {"epoch", static_cast<double>(plan_->sequences(progress_.step).first_sequence) /
                    static_cast<double>(num_blocks_)},
      {"time",
       std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count()},
      {"train/loss", loss},
      {"train/ppl", std::exp(loss)},
      {"train/lr", result.lr},
      {"train/grad_norm", result.grad_norm},
      {"perf/tokens_per_second", static_cast<double>(interval_.targets) / seconds},
      {"perf/step_seconds", seconds / static_cast<double>(interval_.steps)},
      {"perf/data_wait_fraction", interval_.data_wait_seconds / seconds},
      {"memory/peak_bytes", peak_resident_bytes()}};
  if (loss_scale_) row["train/loss_scale"] = loss_scale_->scale();
  row.update(validation);
  metrics_->write(row);
  show_progress(row);
  interval_ = {};
  progress_.interval_loss_sum = 0.0;
  progress_.interval_targets = 0;
}

void Trainer::show_progress(const Json& row) const {
  const auto number = [&](const char* key) { return row.at(key).get<double>(); };
  char line[256];
  std::snprintf(
      line, sizeof line,
      "step %lld/%lld | loss %.4f | lr %.3e | grad_norm %.3f | %.0f tokens/s | %.2f GiB | %s left",
      static_cast<long long>(progress_.step), static_cast<long long>(total_steps_),
      number("train/loss"), number("train/lr"), number("train/grad_norm"),
      number("perf/tokens_per_second"), number("memory/peak_bytes") / (1 << 30),
      clock_text(static_cast<double>(total_steps_ - progress_.step) * number("perf/step_seconds"))
          .c_str());
  log::progress(line);
  if (!row.contains("valid/loss")) return;
  std::string text;
  for (const auto& [key, value] : row.items())
    if (key.starts_with("valid/") || key.starts_with("extrapolation/")) {
      std::snprintf(line, sizeof line, "%s=%.4f ", key.c_str(), value.get<double>());
      text += line;
    }
  log::info("validated " + text);
}

}  // namespace

TrainResult train(const RunConfig& config, const TrainOptions& options) {
  const auto result = Trainer(config, options).run();
  log::set_step(-1);
  log::remove_file();
  return result;
}

}  // namespace longspan
