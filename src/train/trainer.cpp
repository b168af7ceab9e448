// The training loop. All that decides a step's numbers is a function of (config, step): the loop
// only counts, logs and saves.

#include "longspan/train/trainer.h"

#include <chrono>
#include <csignal>
#include <cstdio>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "longspan/device/device.h"
#include "longspan/evaluate/evaluate.h"
#include "longspan/kernels/attention.h"
#include "longspan/run/environment.h"
#include "train/broadcast_start.h"
#include "train/checkpoint_writer.h"
#include "train/metrics.h"
#include "train/micro_batch.h"
#include "train/progress.h"
#include "train/sharded_optimizer.h"
#include "train/signals.h"
#include "train/step.h"

namespace longspan {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
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

const std::filesystem::path& made(const std::filesystem::path& run_folder) {
  try {
    make_folder(run_folder);
  } catch (const Error& error) {
    throw Error(ErrorKind::Config, concat("the run's folder must be writable: ", error.what(),
                                          "; choose another with --run"));
  }
  return run_folder;
}

// The folder of a run, held while it trains, and its log.
class RunFolder {
 public:
  explicit RunFolder(const std::filesystem::path& path) : lock_(made(path) / ".lock") {
    log::add_file(path / "log.txt");
  }

 private:
  FileLock lock_;
};

class Trainer {
 public:
  Trainer(const RunConfig& config, const TrainOptions& options, Communicator& communicator);
  TrainResult run();

 private:
  void resume();
  std::optional<CheckpointContents> find_start() const;
  void settle_micro_batch();
  std::int64_t shared_micro_batch();
  void start_loss_scale();
  void restore(const CheckpointContents& contents);
  void describe() const;
  TrainResult loop();
  bool is_last(std::int64_t step) const;
  StepVote own_vote() const;
  bool is_stopped() const { return vote_.interrupted || vote_.terminated; }
  void finish_step(const StepResult& result);
  void save();
  void check_ranks_are_equal() const;
  Json validate();
  void write_row(const StepResult& result, const Json& validation);
  void show_progress(const Json& row) const;
  bool is_new_best(const Json& validation);

  RunConfig config_;
  const TrainOptions& options_;
  Communicator& communicator_;
  std::optional<RunFolder> folder_;  // of rank 0
  ShardFolder data_;
  TokenStream train_stream_;
  std::shared_ptr<const BatchPlan> plan_;
  std::int64_t total_steps_ = 0;
  std::int64_t num_blocks_ = 0;
  Transformer model_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<LossScale> loss_scale_;  // fp16 only
  std::unique_ptr<GradientReducer> reducer_;
  RunProgress progress_;
  std::unique_ptr<MetricsWriter> metrics_;
  CheckpointWriter checkpoints_;
  Interval interval_;
  StepVote vote_;
  Clock::time_point started_;
  double elapsed_before_ = 0.0;
};

// The start values do not depend on the device: they are drawn on the CPU.
Transformer make_model_on(c10::Device device, const RunConfig& config, std::int64_t vocab_size) {
  Transformer model = make_model(config, vocab_size);
  model.to(device);
  return model;
}

Trainer::Trainer(const RunConfig& config, const TrainOptions& options, Communicator& communicator)
    : config_(config),
      options_(options),
      communicator_(communicator),
      folder_(communicator.leads() ? std::optional<RunFolder>(std::in_place, options.run_folder)
                                   : std::nullopt),
      data_(prepare_data(config.data)),
      train_stream_(data_.stream("train")),
      model_(make_model_on(options.device, config, data_.tokenizer().vocab_size())),
      optimizer_(make_run_optimizer(config, model_.parameters(), communicator)),
      checkpoints_(config_, options.run_folder, data_.tokenizer_folder()) {
  num_blocks_ = num_blocks(train_stream_, config.data.seq_len);
  plan_ = make_run_plan(config, train_stream_.size());
  total_steps_ = planned_steps(config.train, plan_->steps_per_epoch());
  progress_.data_fingerprint = data_.fingerprint();
  if (!communicator.is_alone())
    reducer_ = std::make_unique<GradientReducer>(
        model_.parameters(), communicator,
        GradientReducerOptions{config.distributed.bucket_bytes(), config.reduce_dtype()});
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

// Rank 0 alone reads, so that all start from the same bits even where they see other disks.
void Trainer::resume() {
  const std::optional<CheckpointContents> start =
      broadcast_start(communicator_, communicator_.leads() ? find_start() : std::nullopt);
  if (start)
    restore(*start);
  else
    for (const auto& [name, tensor] : model_.parameters()) communicator_.broadcast(tensor, 0);
  check_ranks_are_equal();
}

std::optional<CheckpointContents> Trainer::find_start() const {
  if (options_.resume != "auto" && options_.resume != "never")
    return load_checkpoint(options_.resume);
  if (options_.resume == "never") {
    check(list_checkpoints(options_.run_folder).empty(), ErrorKind::Config,
          options_.run_folder.string(),
          " must hold no checkpoints with --resume never; choose another --run or remove it");
    return std::nullopt;
  }
  return load_newest_checkpoint(options_.run_folder);
}

void Trainer::check_ranks_are_equal() const {
  std::vector<std::string> names;
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : model_.parameters()) {
    names.push_back(name);
    tensors.push_back(tensor);
  }
  check_equal(communicator_, names, tensors);
}

void Trainer::describe() const {
  write_file_durably(options_.run_folder / "config.yaml", config_.resolved);
  Json environment = describe_environment(options_.command_line, options_.device);
  environment["parameters"] = model_.num_parameters();
  environment["vocab_size"] = model_.vocab_size();
  environment["train_tokens"] = train_stream_.size();
  environment["processes"] = communicator_.world_size();
  write_json(options_.run_folder / "environment.json", environment);
  log::info("attention",
            {{"path", attention_path(options_.device.type(), model_.position().score_bias(1))}});
  if (const auto& precision = config_.train.precision;
      options_.device.is_cpu() && !has_fast_products(precision))
    log::warn(concat(precision, " products take LibTorch's plain loops on a processor without ",
                     precision == "fp16" ? "AVX512-FP16" : "AVX-512",
                     ", tens of times slower than fp32; set train.precision to fp32"));
  log::info("training", {{"device", device_name(options_.device)},
                         {"parameters", model_.num_parameters()},
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
    micro_batch_tokens =
        progress_.micro_batch_tokens > 0 ? progress_.micro_batch_tokens : shared_micro_batch();
    log::info("micro-batch", {{"tokens", micro_batch_tokens}, {"of", config_.train.batch_tokens}});
  }
  progress_.micro_batch_tokens = micro_batch_tokens;
}

// What rank 0 finds to fit. Both exchanges are collective, so every rank comes through here.
std::int64_t Trainer::shared_micro_batch() {
  const HostRanks ranks = ranks_on_this_host(communicator_);
  return std::stoll(communicator_.broadcast_text(
      communicator_.leads() ? std::to_string(find_micro_batch_tokens(config_, model_, ranks))
                            : ""));
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
  if (communicator_.leads()) {
    describe();
    metrics_ = std::make_unique<MetricsWriter>(options_.run_folder, progress_.step,
                                               config_.log.tensorboard);
  }
  return loop();
}

TrainResult Trainer::loop() {
  const SignalGuard signals;
  BatchLoader loader(train_stream_, plan_, config_.data.seq_len, data_.tokenizer().start_id(),
                     progress_.step, {communicator_.rank(), communicator_.world_size()});
  started_ = Clock::now();
  interval_ = {};
  Timeline timeline;
  const std::int64_t timeline_end =
      communicator_.leads() ? progress_.step + config_.log.timeline_steps : 0;
  while (true) {
    const auto waiting = Clock::now();
    const BatchLoader::Step batch = loader.next();
    interval_.data_wait_seconds += seconds_since(waiting);
    log::set_step(batch.step + 1);
    const StepState state{*optimizer_, loss_scale_ ? &*loss_scale_ : nullptr, progress_.skipped};
    const StepPeers peers{communicator_, reducer_.get(),
                          batch.step < timeline_end ? &timeline : nullptr};
    finish_step(run_step(config_, model_, state, batch, peers, [this] { return own_vote(); }));
    const bool ends = is_last(progress_.step) || is_stopped();
    if (progress_.step == timeline_end || (ends && progress_.step < timeline_end))
      timeline.write(options_.run_folder / "timeline.json", communicator_.rank());
    if (ends) break;
  }
  checkpoints_.wait();
  log::end_progress();
  log::info(is_stopped() ? "stopped by a signal after a save" : "done", {{"step", progress_.step}});
  if (vote_.interrupted) return {TrainResult::End::Interrupted, progress_.step};
  if (vote_.terminated) return {TrainResult::End::Terminated, progress_.step};
  return {TrainResult::End::Done, progress_.step};
}

StepVote Trainer::own_vote() const {
  const int signal = SignalGuard::received();
  return {signal == SIGINT, signal == SIGTERM, elapsed_before_ + seconds_since(started_)};
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
  vote_ = result.vote;
  progress_.elapsed_seconds = vote_.elapsed_seconds;
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
  const bool last = is_last(step), stopped = is_stopped();
  if (every(config_.distributed.check_every_steps, step)) check_ranks_are_equal();
  Json validation = Json::object();
  if (every(config_.validate.every_steps, step) || (last && !stopped)) validation = validate();
  const bool best = is_new_best(validation);
  if (every(config_.log.every_steps, step) || !validation.empty()) write_row(result, validation);
  if (every(config_.checkpoint.every_steps, step) || best || last || stopped) save();
}

void Trainer::save() {
  const auto saving = Clock::now();
  const NamedTensors state = optimizer_->state();  // of a sharded optimizer, collective
  if (communicator_.leads()) checkpoints_.save(model_, state, progress_);
  interval_.paused_seconds += seconds_since(saving);
}

Json Trainer::validate() {
  const auto start = Clock::now();
  const EvaluationText text{data_.stream("valid"), data_.counts("valid"), data_.shared_tokenizer(),
                            "valid"};
  EvaluationOptions options;
  options.train_length = config_.data.seq_len;
  options.compute_dtype = config_.compute_dtype();
  options.max_targets = config_.validate.max_targets;
  options.communicator = &communicator_;
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
  const bool as_fairseq =
      config_.model.dialect == "fairseq" && config_.checkpoint.keep_best == "valid/loss";
  if (!is_better(value, progress_.best_value, as_fairseq ? BestRule::Fairseq : BestRule::Lower))
    return false;
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
      {"memory/peak_bytes", peak_memory(options_.device)}};
  if (loss_scale_) row["train/loss_scale"] = loss_scale_->scale();
  row.update(validation);
  if (communicator_.leads()) {
    metrics_->write(row);
    show_progress(row);
  }
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

TrainResult train(const RunConfig& config, const TrainOptions& options,
                  Communicator& communicator) {
  const auto result = Trainer(config, options, communicator).run();
  log::set_step(-1);
  log::remove_file();
  return result;
}

}  // namespace longspan
