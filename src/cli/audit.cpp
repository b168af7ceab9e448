// longspan audit CONFIG|RUN: the bias of attention as the kernels form it, against float64.

#include <ATen/core/grad_mode.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/memory_advice.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/json.h"
#include "longspan/core/progress.h"
#include "longspan/core/random.h"
#include "longspan/device/device.h"
#include "longspan/evaluate/bias_audit.h"
#include "longspan/evaluate/protocol.h"
#include "longspan/run/run.h"

namespace longspan::cli {
namespace {

constexpr std::string_view kFormat = "longspan.audit/1";
constexpr Precision kPrecisions[] = {Precision::Fp32, Precision::Bf16, Precision::Fp16};
constexpr AttentionPass kPasses[] = {AttentionPass::Forward, AttentionPass::Backward,
                                     AttentionPass::Decoding};

struct Arguments {
  std::string path, lengths, checkpoint = "best";
};

/// A method with its values, and its definition in float64.
struct Subject {
  RunConfig config;
  std::unique_ptr<PositionMethod> method, exact;
};

/// An audit, and what it is of.
struct Audited {
  BiasAudit audit;
  Precision precision;
  AttentionPass pass;
  std::optional<std::size_t> layer;  // none: all layers share the bias
};

std::unique_ptr<PositionMethod> make_method(const RunConfig& config) {
  const ModelConfig& model = config.model;
  return config.position.make(
      {model.d_model, model.num_heads, model.head_dim(), config.data.seq_len, model.num_layers});
}

// Distributed as those of a model of the configuration are at its start; the numbers are others.
void draw_start_values(PositionMethod& method, std::uint64_t seed) {
  std::uint64_t index = 0;
  for (PositionParameter& parameter : method.parameters()) {
    RandomStream random(seed, RandomPurpose::Initialization, index++);
    const at::Tensor flat_N = parameter.tensor.detach().view(-1);
    auto* values = flat_N.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < flat_N.numel(); ++i)
      values[i] =
          static_cast<float>(parameter.start_value + parameter.normal_std * random.normal());
  }
}

Subject subject_of(const Arguments& arguments, const std::vector<std::string>& overrides) {
  Subject subject;
  if (std::filesystem::is_directory(arguments.path)) {
    const TrainedRun run = open_run(find_run(arguments.path, arguments.checkpoint, overrides));
    subject.config = run.config;
    subject.method = make_method(run.config);
    const auto from = run.model.position().parameters();
    auto to = subject.method->parameters();
    for (std::size_t i = 0; i < to.size(); ++i) to[i].tensor.set_data(from[i].tensor.detach());
  } else {
    subject.config = read_config(arguments.path, overrides);
    subject.method = make_method(subject.config);
    draw_start_values(*subject.method, subject.config.seed);
  }
  subject.exact = make_method(subject.config);
  take_in_float64(*subject.exact, *subject.method);
  return subject;
}

std::vector<std::int64_t> lengths_of(const std::string& text, const Subject& subject) {
  const auto limit = subject.method->max_positions();
  if (!text.empty()) {
    const auto lengths = parse_lengths(text);
    for (const std::int64_t length : lengths)
      check(!limit || length <= *limit, ErrorKind::Config, "--lengths must not exceed the ",
            limit.value_or(0), " positions that ", subject.config.position.kind,
            " can tell apart, got ", length);
    return lengths;
  }
  return default_lengths(subject.config.data.seq_len, limit);
}

at::ScalarType dtype_of(Precision precision) {
  RunConfig config;
  config.train.precision = precision;
  return config.compute_dtype();
}

// Audits each layer's bias at a length.
void audit_length(const Subject& subject, std::int64_t length, c10::Device device,
                  const std::function<void(Audited)>& take) {
  const at::NoGradGuard no_gradient;
  const ModelConfig& model = subject.config.model;
  const auto biases = subject.method->layer_biases(length);
  const auto exact = subject.exact->layer_biases(length);
  for (std::size_t layer = 0; layer < biases.size(); ++layer) {
    BiasCopy copy;
    const ScoreBias bias = copy.on(device, biases[layer]);
    const at::Tensor definition_HN = bias_in_float64(exact[layer], model.num_heads, length);
    for (const Precision precision : kPrecisions)
      for (const AttentionPass pass : kPasses)
        take(
            {audit_bias(bias, definition_HN, {device, dtype_of(precision), model.head_dim(), pass}),
             precision, pass, biases.size() > 1 ? std::optional(layer) : std::nullopt});
  }
}

std::vector<Audited> audit_all(const Subject& subject, const std::vector<std::int64_t>& lengths,
                               c10::Device device) {
  std::vector<Audited> all;
  ProgressLine progress;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    audit_length(subject, lengths[i], device, [&](Audited audited) {
      all.push_back(std::move(audited));
      progress.update([&] {
        return concat("audit ", subject.config.name, " | length ", lengths[i], ", ", i + 1, " of ",
                      lengths.size(), " | ", name_of(all.back().precision), ", ",
                      name_of(all.back().pass));
      });
    });
  std::ranges::stable_sort(all, {}, [](const Audited& each) {
    return std::tuple(each.precision, each.pass, each.audit.length);
  });
  return all;
}

const Audited& worst_of(const std::vector<Audited>& all) {
  return *std::ranges::max_element(all, {},
                                   [](const Audited& each) { return each.audit.of_bound(); });
}

// JSON has neither infinity nor NaN.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const Audited& audited) {
  const BiasAudit& audit = audited.audit;
  Json heads = Json::array(), distances = Json::array();
  for (std::size_t h = 0; h < audit.heads.size(); ++h) {
    const HeadBiasErrors& head = audit.heads[h];
    heads.push_back({{"head", h},
                     {"absolute_error", number(head.absolute)},
                     {"relative_error", number(head.relative)},
                     {"at_distance", head.at_distance},
                     {"kernel_error", number(head.kernel_absolute)},
                     {"of_bound", number(head.of_bound)},
                     {"probability_change", number(head.probability_change)}});
  }
  for (const DistanceBiasErrors& each : audit.distances)
    distances.push_back({{"first", each.first},
                         {"last", each.last},
                         {"absolute_error", number(each.absolute)},
                         {"relative_error", number(each.relative)}});
  return {{"precision", name_of(audited.precision)},
          {"pass", name_of(audited.pass)},
          {"path", audit.path},
          {"layer", audited.layer ? Json(*audited.layer) : Json()},
          {"length", audit.length},
          {"within_bound", audit.of_bound() <= 1.0},
          {"heads", heads},
          {"distances", distances}};
}

Json to_json(const Subject& subject, const std::vector<Audited>& all, c10::Device device) {
  Json audits = Json::array();
  for (const Audited& each : all) audits.push_back(to_json(each));
  return {{"format", kFormat},
          {"name", subject.config.name},
          {"method", subject.config.position.kind},
          {"precision", name_of(subject.config.train.precision)},
          {"device", device_name(device)},
          {"within_bound", worst_of(all).audit.of_bound() <= 1.0},
          {"audits", audits}};
}

std::string layer_text(const Audited& audited) {
  return audited.layer ? std::to_string(*audited.layer) : "all";
}

std::string text_of(const Subject& subject, const std::vector<Audited>& all) {
  std::string text = formatted("%-9s %-8s %5s %7s %4s %8s %10s %10s %8s %11s  %s\n", "precision",
                               "pass", "layer", "length", "head", "distance", "absolute",
                               "relative", "of bound", "probability", "path");
  for (const Audited& each : all) {
    const std::size_t h = each.audit.worst_head();
    const HeadBiasErrors& head = each.audit.heads[h];
    text += formatted("%-9s %-8s %5s %7lld %4zu %8lld %10.2e %10s %8.3f %11.2e  %s\n",
                      std::string(name_of(each.precision)).c_str(),
                      std::string(name_of(each.pass)).c_str(), layer_text(each).c_str(),
                      static_cast<long long>(each.audit.length), h,
                      static_cast<long long>(head.at_distance), head.absolute,
                      std::isnan(head.relative) ? "-" : formatted("%.2e", head.relative).c_str(),
                      head.of_bound, head.probability_change, each.audit.path.c_str());
  }
  return text + concat(
                    "The worst head of each row. absolute, relative: the bias less the method's "
                    "definition in float64, and in parts\nof it where it is 1 or more; of bound: "
                    "the kernel's error in parts of what its roundings allow, above 1 is a\nfault; "
                    "probability: half the sum of what the errors change in the probabilities of a "
                    "query without products.\nThe run computes in ",
                    name_of(subject.config.train.precision), ".\n");
}

void check_bound(const std::string& path, const Audited& worst) {
  const std::size_t h = worst.audit.worst_head();
  check(worst.audit.of_bound() <= 1.0, ErrorKind::Internal, path,
        ": attention must form its bias within the bound of its roundings, got ",
        worst.audit.of_bound(), " times the bound in ", name_of(worst.precision), ", ",
        name_of(worst.pass), ", by ", worst.audit.path, ", at length ", worst.audit.length,
        ", layer ", layer_text(worst), ", head ", h, "; the kernel is not to be trusted");
}

void audit(const Arguments& arguments, const CommonOptions& options) {
  const c10::Device device = use_device(options);
  const Subject subject = subject_of(arguments, options.overrides);
  std::vector<Audited> all;
  with_memory_advice("audit at smaller --lengths", [&] {
    all = audit_all(subject, lengths_of(arguments.lengths, subject), device);
  });
  write_result(options.json ? json_line(to_json(subject, all, device)) : text_of(subject, all));
  check_bound(arguments.path, worst_of(all));
}

}  // namespace

void add_audit(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "audit",
      "Check the bias that attention adds to its scores (of ALiBi, T5 and the like) against "
      "float64: "
      "recovered from what the kernels return, forward, backward and in decoding, in fp32, bf16 "
      "and "
      "fp16, at each length. Ends with 1 where an error is greater than the kernel's roundings "
      "allow. --json tells it by head and distance");
  auto arguments = std::make_shared<Arguments>();
  verb->add_option(
          "PATH", arguments->path,
          "Configuration file, whose trainable biases get start values, or folder of a run")
      ->required();
  verb->add_option("--lengths", arguments->lengths,
                   "Keys that the last query sees: 64,128,256 or 64:4096 (doubling) or 64:4096:64 "
                   "(step); default: the trained length and its doublings to 16 times");
  verb->add_option("--checkpoint", arguments->checkpoint,
                   "Of a run: best, latest or a checkpoint's folder")
      ->capture_default_str();
  add_common_options(*verb, options);
  verb->callback([arguments, &options] {
    apply(options);
    audit(*arguments, options);
  });
}

}  // namespace longspan::cli
