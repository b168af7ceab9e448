// Updates of the paper's optimizer, schedule, clipping and accumulation.

#include <cmath>

#include "golden/recording.h"
#include "longspan/optim/schedule.h"
#include "optim/kinds.h"
#include "support/tensors.h"

namespace longspan {
namespace {

constexpr std::int64_t kPad = 1;

ScheduleConfig schedule_of(const Json& schedule) {
  ScheduleConfig config;
  config.kind = ScheduleKind::Cosine;
  schedule.at("lr").get_to(config.peak_lr);
  schedule.at("min_lr").get_to(config.min_lr);
  schedule.at("warmup").get_to(config.warmup_steps);
  schedule.at("warmup_init_lr").get_to(config.warmup_init_lr);
  schedule.at("period").get_to(config.period_steps);
  schedule.at("t_mult").get_to(config.period_factor);
  schedule.at("shrink").get_to(config.shrink);
  return config;
}

struct Limits {
  double loss, norm, parameters;
};

// A unit that ReLU switches in one run and not in the other makes the paths part after some
// updates; the recordings' README gives what that does to each number.
Limits limits_after(std::int64_t updates) {
  if (updates <= 6) return {2e-5, 1e-4, 1e-5};
  return {1e-3, 1e-2, updates <= 20 ? 1e-3 : 1e-2};
}

void check_tensors(const std::map<std::string, at::Tensor>& tensors, const NamedTensors& ours,
                   const std::string& prefix, double limit) {
  std::int64_t compared = 0;
  for (const auto& [name, tensor] : ours) {
    const auto found = tensors.find(prefix + name);
    if (found == tensors.end()) continue;
    INFO(prefix << name);
    CHECK(testing::difference(tensor, found->second, limit) == "");
    ++compared;
  }
  CHECK(compared > 0);
}

NamedTensors without_slot(const NamedTensors& state) {
  NamedTensors result;
  for (const auto& [name, tensor] : state)
    if (name.starts_with("momentum.")) result.push_back({name.substr(9), tensor});
  return result;
}

void run_case(const testing::Recording& recording) {
  const auto& manifest = recording.manifest;
  const auto tensors = recording.tensors();
  const auto model = testing::recorded_model(manifest.at("model"), tensors, "param0.");
  const double momentum = manifest.at("optimizer").at("momentum");
  const double clip_norm = manifest.at("optimizer").at("clip_norm");
  const auto optimizer = make_nag({.momentum = momentum}, model.parameters());
  const auto schedule = schedule_of(manifest.at("schedule"));
  const auto passes = manifest.at("update_freq").get<std::int64_t>();
  std::int64_t done = 0;
  for (const auto& update : manifest.at("updates")) {
    INFO("update " << done + 1);
    double loss_sum = 0.0;
    for (std::int64_t i = done * passes; i < (done + 1) * passes; ++i) {
      const std::string batch = "batch." + std::to_string(i);
      const auto targets = tensors.at(batch + ".target.ids");
      const auto loss = model.loss_sum(model.features(tensors.at(batch + ".input.ids"), {}),
                                       targets.masked_fill(targets.eq(kPad), -1), {});
      loss.backward();
      loss_sum += loss.item<double>();
    }
    const double lr = learning_rate(schedule, done), expected_lr = update.at("lr");
    const double per_target = 1.0 / update.at("sample_size").get<double>();
    const double norm = gradient_norm(model.parameters(), per_target);
    const Limits limits = limits_after(++done);
    CHECK(std::abs(lr - expected_lr) <= 1e-12);
    const double expected_loss = update.at("loss_nats_per_token"),
                 expected_norm = update.at("grad_norm_before_clip");
    CHECK(std::abs(loss_sum * per_target - expected_loss) <= limits.loss * expected_loss);
    CHECK(std::abs(norm - expected_norm) <= limits.norm * expected_norm);
    scale_gradients(model.parameters(), per_target * clip_factor(norm, clip_norm));
    optimizer->step(lr);
    for (const auto& parameter : model.parameters()) parameter.tensor.mutable_grad().reset();
    const std::string after = std::to_string(done);
    if (!tensors.contains("param" + after + ".layers.0.attn.q.weight")) continue;
    check_tensors(tensors, model.parameters(), "param" + after + ".", limits.parameters);
    if (tensors.contains("momentum" + after + ".layers.0.attn.q.weight"))
      check_tensors(tensors, without_slot(optimizer->state()), "momentum" + after + ".",
                    limits.parameters);
  }
  CHECK(done == static_cast<std::int64_t>(manifest.at("updates").size()));
}

TEST_CASE("golden: nag") {
  for (const auto& recording : testing::recordings_of("nag")) {
    INFO(recording.name);
    run_case(recording);
  }
}

TEST_CASE("golden: lr_schedule") {
  for (const auto& recording : testing::recordings_of("lr_schedule")) {
    Json schedules = recording.manifest.at("extra");
    schedules.push_back(recording.manifest);
    for (const auto& schedule : schedules) {
      const auto config = schedule_of(schedule.at("config"));
      INFO(schedule.at("config").dump());
      for (const auto& point : schedule.at("points"))
        CHECK(std::abs(learning_rate(config, point.at(0)) - point.at(1).get<double>()) <= 1e-12);
    }
  }
}

}  // namespace
}  // namespace longspan
