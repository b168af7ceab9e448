// Composes the modules' sections into the configuration of a run and checks what they demand of
// each other.

#include "longspan/run/run_config.h"

#include <algorithm>
#include <array>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/checkpoint/safetensors.h"
#include "longspan/config/choice.h"
#include "longspan/config/schema.h"
#include "longspan/core/ceil_divide.h"
#include "longspan/core/error.h"
#include "longspan/run/config_schema.h"

namespace longspan {
namespace {

constexpr std::array kPrecisions{config::Choice{"fp32", Precision::Fp32},
                                 config::Choice{"bf16", Precision::Bf16},
                                 config::Choice{"fp16", Precision::Fp16}};
constexpr std::int64_t kMost = std::int64_t{1} << 50;  // that a count may be

template <class Number>
std::optional<Number> limit_of(Number value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

// fairseq counts the tokens of a pass and takes the whole sequences that fit, here one at least.
void take_whole_sequences(const config::Reader& reader, std::int64_t seq_len, TrainConfig& train) {
  check(train.batch_tokens % train.micro_batch_tokens == 0, ErrorKind::Config,
        reader.place("micro_batch_tokens"), " must divide batch_tokens (", train.batch_tokens,
        ") with data.order fairseq, got ", train.micro_batch_tokens);
  const std::int64_t passes = train.batch_tokens / train.micro_batch_tokens;
  train.micro_batch_tokens =
      std::max<std::int64_t>(1, train.micro_batch_tokens / seq_len) * seq_len;
  train.batch_tokens = passes * train.micro_batch_tokens;
}

void read_batch(const config::Reader& reader, const DataConfig& data, TrainConfig& train) {
  train.batch_tokens = reader.integer("batch_tokens", {.low = 1, .high = kMost});
  train.micro_batch_tokens =
      reader.integer_or("micro_batch_tokens", "auto", {.low = 1, .high = kMost}, train.batch_tokens)
          .value_or(0);
  const bool whole =
      train.batch_tokens % data.seq_len == 0 && train.micro_batch_tokens % data.seq_len == 0;
  if (data.order == BatchOrder::Fairseq && train.micro_batch_tokens > 0 && !whole)
    take_whole_sequences(reader, data.seq_len, train);
  check(train.batch_tokens % data.seq_len == 0, ErrorKind::Config, reader.place("batch_tokens"),
        " must be a multiple of data.seq_len (", data.seq_len, "), got ", train.batch_tokens);
  check(train.micro_batch_tokens % data.seq_len == 0, ErrorKind::Config,
        reader.place("micro_batch_tokens"), " must be a multiple of data.seq_len (", data.seq_len,
        "), got ", train.micro_batch_tokens);
}

TrainConfig read_train(const config::Reader& reader, const DataConfig& data) {
  TrainConfig result;
  result.max_steps = limit_of(reader.integer("max_steps", {.low = 0, .high = kMost}, 0));
  result.max_tokens = limit_of(reader.integer("max_tokens", {.low = 0, .high = kMost}, 0));
  result.max_epochs = limit_of(reader.integer("max_epochs", {.low = 0, .high = 1 << 20}, 0));
  result.max_seconds = limit_of(reader.number("max_seconds", {.low = 0.0, .high = 1e9}, 0.0));
  check(result.max_steps || result.max_tokens || result.max_epochs || result.max_seconds,
        ErrorKind::Config, reader.place(),
        " must limit the run by max_steps, max_tokens, max_epochs or max_seconds, got none");
  check(data.mixture.empty() || !result.max_epochs, ErrorKind::Config, reader.place("max_epochs"),
        " must not be given where data.train is a mixture, whose corpora have epochs of their own; "
        "give max_tokens or max_steps");
  read_batch(reader, data, result);
  result.precision = config::choice(reader, "precision", kPrecisions, result.precision);
  if (result.precision == Precision::Fp16)
    result.loss_scale = read_loss_scale_config(reader.section("loss_scale"));
  else
    check(!reader.has("loss_scale"), ErrorKind::Config, reader.place("loss_scale"),
          " must be given with precision fp16 only, got precision ", name_of(result.precision));
  result.activation_checkpointing = reader.boolean("activation_checkpointing", false);
  result.check_every_steps =
      reader.integer("check_every_steps", {.low = 0, .high = kMost}, result.check_every_steps);
  result.guard = read_guard_config(reader.section("guard"));
  reader.finish();
  return result;
}

// Who asks for a sample and says no length gets one.
SampleConfig read_sample(const config::Reader& reader, bool is_given) {
  constexpr std::int64_t kUsualTokens = 100;
  SampleConfig result;
  result.max_tokens =
      reader.integer("max_tokens", {.low = 0, .high = 1 << 20}, is_given ? kUsualTokens : 0);
  result.prompt = reader.text("prompt", result.prompt);
  check(result.max_tokens > 0 || result.prompt.empty(), ErrorKind::Config,
        reader.place("max_tokens"), " must be above 0 where a prompt is given, got 0");
  reader.finish();
  return result;
}

ValidateConfig read_validate(const config::Reader& reader, std::int64_t seq_len) {
  const config::IntegerRange length{.low = 1, .high = 1 << 24};
  ValidateConfig result;
  result.every_steps = reader.integer("every_steps", {.low = 0, .high = kMost}, 0);
  result.lengths = reader.integers("lengths", length, {seq_len});
  check(!result.lengths.empty(), ErrorKind::Config, reader.place("lengths"),
        " must name at least one length, got none");
  result.extrapolation_lengths = reader.integers("extrapolation_lengths", length, {});
  result.max_targets = reader.integer("max_targets", {.low = 0, .high = kMost}, 0);
  result.sample = read_sample(reader.section("sample"), reader.has("sample"));
  reader.finish();
  return result;
}

std::string extrapolation_metric(std::int64_t length) {
  return "extrapolation/ppl@" + std::to_string(length);
}

std::optional<BestMetric> read_best_metric(const config::Reader& reader,
                                           const ValidateConfig& validate) {
  const std::string name = reader.text("keep_best", "valid/loss");
  if (name.empty()) return std::nullopt;
  if (name == "valid/loss") return BestMetric{BestMetric::Kind::ValidLoss};
  if (name == "valid/ppl") return BestMetric{BestMetric::Kind::ValidPpl};
  const auto length = std::ranges::find(validate.extrapolation_lengths, name, extrapolation_metric);
  check(length != validate.extrapolation_lengths.end(), ErrorKind::Config,
        reader.place("keep_best"),
        " must be \"\", valid/loss, valid/ppl or extrapolation/ppl@N with N in "
        "validate.extrapolation_lengths, got ",
        name);
  return BestMetric{BestMetric::Kind::ExtrapolationPpl, *length};
}

CheckpointConfig read_checkpoint(const config::Reader& reader, const ValidateConfig& validate) {
  CheckpointConfig result;
  result.every_steps = reader.integer("every_steps", {.low = 0, .high = kMost}, 0);
  result.keep_last = reader.integer("keep_last", {.low = 1, .high = 1 << 20}, result.keep_last);
  result.keep_best = read_best_metric(reader, validate);
  result.keep_every_steps = reader.integer("keep_every_steps", {.low = 0, .high = kMost}, 0);
  check(result.keep_every_steps == 0 ||
            (result.every_steps > 0 && result.keep_every_steps % result.every_steps == 0),
        ErrorKind::Config, reader.place("keep_every_steps"),
        " must be 0 or a multiple of every_steps (", result.every_steps, "), got ",
        result.keep_every_steps);
  result.async = reader.boolean("async", result.async);
  result.check_loss = reader.boolean("check_loss", result.check_loss);
  reader.finish();
  return result;
}

LogConfig read_log(const config::Reader& reader) {
  LogConfig result;
  result.every_steps = reader.integer("every_steps", {.low = 1, .high = kMost}, result.every_steps);
  result.tensorboard = reader.boolean("tensorboard", result.tensorboard);
  result.timeline_steps =
      reader.integer("timeline_steps", {.low = 0, .high = 1 << 20}, result.timeline_steps);
  result.layer_norms = reader.boolean("layer_norms", result.layer_norms);
  result.mfu = reader.boolean("mfu", result.mfu);
  result.activation_max = reader.boolean("activation_max", result.activation_max);
  reader.finish();
  return result;
}

void check_rollback(const RunConfig& config, const config::Reader& root) {
  check(!config.train.guard.may(GuardAction::Rollback) || config.checkpoint.every_steps > 0,
        ErrorKind::Config, root.section("checkpoint").place("every_steps"),
        " must be above 0 where train.guard rolls back to a checkpoint, got 0");
}

PositionDimensions position_dimensions(const RunConfig& config) {
  const ModelConfig& model = config.model;
  return {model.d_model, model.num_heads, model.head_dim(), config.data.seq_len, model.num_layers};
}

// A method is made once and dropped: what it demands of the model's sizes and what it cannot do are
// found before any work.
void check_position(const RunConfig& config, const config::Reader& root) {
  const auto limit = config.position.make(position_dimensions(config))->max_positions();
  if (!limit) return;
  for (const std::int64_t length : config.validate.lengths)
    check(length <= *limit, ErrorKind::Config, root.section("validate").place("lengths"),
          " must not exceed the ", *limit, " positions that ", config.position.kind,
          " can tell apart, got ", length);
  const std::int64_t best_length =
      config.checkpoint.keep_best ? config.checkpoint.keep_best->length : 0;
  check(best_length <= *limit, ErrorKind::Config, root.section("checkpoint").place("keep_best"),
        " must be of a length within the ", *limit, " positions that ", config.position.kind,
        " can tell apart, got ", extrapolation_metric(best_length));
}

RunConfig read_run(const config::Reader& root) {
  RunConfig result;
  result.name = root.text("name");
  check(!result.name.empty() && result.name.find('/') == std::string::npos &&
            result.name.front() != '.',
        ErrorKind::Config, root.place("name"), " must be a folder's name, got '", result.name, "'");
  result.seed = static_cast<std::uint64_t>(root.integer("seed", {.low = 0}, 1));
  result.model = read_model_config(root.section("model"));
  result.position = read_position_config(root.section("position"));
  result.data = read_data_config(root.section("data"));
  result.optimizer = read_optimizer_config(root.section("optimizer"));
  result.train = read_train(root.section("train"), result.data);
  result.schedule =
      read_schedule_config(root.section("schedule"), planned_steps(result.train, std::nullopt));
  result.validate = read_validate(root.section("validate"), result.data.seq_len);
  result.checkpoint = read_checkpoint(root.section("checkpoint"), result.validate);
  result.distributed = read_distributed_config(root.section("distributed"));
  result.log = read_log(root.section("log"));
  root.finish();
  check_position(result, root);
  check_rollback(result, root);
  return result;
}

}  // namespace

std::string_view name_of(Precision precision) { return config::name_of(kPrecisions, precision); }

RunConfig read_run_config(const config::Document& document) {
  RunConfig result = read_run(document.root());
  result.resolved = document.resolved();
  return result;
}

Json run_config_schema() {
  constexpr char kStart[] =
      R"({"data": {"seq_len": 1}, "train": {"max_steps": 1, "batch_tokens": 2}})";
  return config::json_schema(read_run, kStart, "A run of longspan");
}

std::unique_ptr<BatchPlan> make_run_plan(const RunConfig& config, std::int64_t num_tokens) {
  const std::int64_t seq_len = config.data.seq_len;
  BatchPlanOptions options{config.data.order, config.seed, ceil_divide(num_tokens, seq_len),
                           config.sequences_per_step()};
  options.sequences_per_pass = config.train.micro_batch_tokens / seq_len;
  options.last_block_is_short = num_tokens % seq_len != 0;
  return make_batch_plan(options);
}

std::unique_ptr<BatchPlan> make_run_plan(const RunConfig& config, const TrainingStreams& streams) {
  const bool bounded = config.data.document_bounds == DocumentBounds::Blocks;
  if (config.data.mixture.empty() && !bounded) return make_run_plan(config, streams.size());
  BatchPlanOptions options{config.data.order, config.seed, num_blocks(streams, config.data.seq_len),
                           config.sequences_per_step()};
  if (bounded) return make_batch_plan(options);
  options.seq_len = config.data.seq_len;
  for (std::size_t corpus = 0; corpus < config.data.mixture.size(); ++corpus)
    options.corpora.push_back({config.data.mixture[corpus].weight, streams[corpus].size()});
  return make_batch_plan(options);
}

TrainingStreams training_streams(const RunConfig& config, const ShardFolder& data) {
  std::vector<TokenStream> streams;
  StreamDocuments documents{config.data.document_bounds, {}};
  for (const std::string& split : training_splits(config.data)) {
    streams.push_back(data.stream(split));
    if (documents.bounds != DocumentBounds::None) documents.tables.push_back(data.documents(split));
  }
  return {std::move(streams), std::move(documents), config.data.seq_len};
}

std::optional<std::int64_t> planned_steps(const TrainConfig& config,
                                          std::optional<std::int64_t> steps_per_epoch) {
  std::optional<std::int64_t> steps = config.max_steps;
  const auto limit = [&](std::int64_t count) { steps = std::min(count, steps.value_or(count)); };
  if (config.max_tokens) limit(ceil_divide(*config.max_tokens, config.batch_tokens));
  if (config.max_epochs && steps_per_epoch) limit(*config.max_epochs * *steps_per_epoch);
  return steps;
}

Transformer make_unset_model(const RunConfig& config, std::int64_t vocab_size) {
  return {config.model, config.position.make(position_dimensions(config)), vocab_size};
}

namespace {

NamedTensors read_start(const std::filesystem::path& source) {
  if (source.extension() == ".safetensors") return read_safetensors(source);
  if (std::filesystem::exists(source / "manifest.json")) return load_checkpoint_model(source).model;
  return load_checkpoint_model(find_checkpoint(source, "best")).model;
}

}  // namespace

Transformer make_model(const RunConfig& config, std::int64_t vocab_size) {
  const ModelConfig& model_config = config.model;
  Transformer model = make_unset_model(config, vocab_size);
  if (model_config.init != InitScheme::From) {
    model.initialize(config.seed);
    return model;
  }
  const std::filesystem::path source = model_config.init_from;
  model.load_parameters(read_start(source), concat("model.init.from ", source.string()));
  return model;
}

}  // namespace longspan
