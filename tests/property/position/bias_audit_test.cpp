// The audit of attention's bias: every position method passes it in every precision and pass, on
// the CPU's kernels and on the GPU's, and a kernel that forms it wrong or in too few bits does not.

#include "longspan/evaluate/bias_audit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "emulator/launches.h"
#include "support/tensors.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

constexpr std::int64_t kHeads = 3, kHeadDim = 64, kTrainedLength = 32;
constexpr at::ScalarType kDtypes[] = {at::kFloat, at::kBFloat16, at::kHalf};
constexpr AttentionPass kPasses[] = {AttentionPass::Forward, AttentionPass::Backward,
                                     AttentionPass::Decoding};

// Values that no training has moved far, and no two alike.
void fill(PositionMethod& method) {
  std::uint64_t seed = 3;
  for (PositionParameter& parameter : method.parameters())
    parameter.tensor.set_data(testing::random_tensor(parameter.tensor.sizes(), seed++, at::kFloat) *
                                  0.5 +
                              parameter.start_value);
}

struct Case {
  std::unique_ptr<PositionMethod> method, exact;

  explicit Case(const PositionConfig& config) : method(make(config)), exact(make(config)) {
    fill(*method);
    take_in_float64(*exact, *method);
  }
  explicit Case(const PositionOptions& options) : Case(PositionConfig{"", options, 0}) {}
  static std::unique_ptr<PositionMethod> make(const PositionConfig& config) {
    return config.make({kHeads * kHeadDim, kHeads, kHeadDim, kTrainedLength, 2});
  }
  at::Tensor definition(std::int64_t length) const {
    return bias_in_float64(exact->score_bias(length), kHeads, length);
  }
  BiasAudit audit(std::int64_t length, const BiasProbe& probe) const {
    return audit_bias(method->score_bias(length), definition(length), probe);
  }
};

BiasProbe probe_of(at::ScalarType dtype, AttentionPass pass = AttentionPass::Forward) {
  return {at::kCPU, dtype, kHeadDim, pass};
}

void check_passes(const Case& audited, std::int64_t length, const BiasProbe& probe) {
  const BiasAudit audit = audited.audit(length, probe);
  INFO("length " << length << ", " << probe.dtype << ", " << name_of(probe.pass) << ", "
                 << audit.path << ", of bound " << audit.of_bound());
  CHECK(audit.length == length);
  REQUIRE(audit.heads.size() == kHeads);
  CHECK(audit.of_bound() <= 1.0);
  CHECK(audit.distances.front().first == 0);
  CHECK(audit.distances.back().last == length - 1);
  double of_heads = 0.0, of_distances = 0.0;
  for (const HeadBiasErrors& head : audit.heads) {
    of_heads = std::max(of_heads, head.absolute);
    CHECK(head.probability_change < (probe.dtype == at::kFloat ? 1e-4 : 0.02));
  }
  for (const DistanceBiasErrors& each : audit.distances)
    of_distances = std::max(of_distances, each.absolute);
  CHECK(of_heads == of_distances);
}

TEST_CASE("every kind's bias is float64's but for the roundings of its making") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const Case audited(default_position_options(kind));
  const auto limit = audited.method->max_positions();
  for (const auto dtype : kDtypes)
    for (const auto pass : kPasses)
      for (const std::int64_t length : {1, 2, 13, 32, 150})
        if (!limit || length <= *limit) check_passes(audited, length, probe_of(dtype, pass));
}

TEST_CASE("every kind's bias is float64's in a GPU's kernels, on the emulator") {
  const auto kind = GENERATE(from_range(position_kinds()));
  INFO(kind);
  const emulator::EmulatedGpu gpu;
  const Case audited(default_position_options(kind));
  const bool is_dense = form_of(audited.method->score_bias(1)) == BiasForm::Dense;
  for (const auto dtype : {at::kBFloat16, at::kHalf})
    for (const auto pass : kPasses) {
      const BiasProbe probe = probe_of(dtype, pass);
      if (!is_dense) CHECK(audited.audit(kTrainedLength, probe).path == "tiles on tensor cores");
      check_passes(audited, kTrainedLength, probe);
    }
}

TEST_CASE("ALiBi passes far from the trained length in a GPU's kernels, on the emulator") {
  const emulator::EmulatedGpu gpu;
  for (const auto pass : kPasses)
    check_passes(Case{AlibiOptions{}}, 1000, probe_of(at::kBFloat16, pass));
}

TEST_CASE("the audit names the kernel that a run's length and decoding take") {
  const Case alibi{AlibiOptions{}};
  const auto path = [&](at::ScalarType dtype, AttentionPass pass) {
    return alibi.audit(200, probe_of(dtype, pass)).path;
  };
  for (const auto dtype : kDtypes) {
    const std::string whole =
        attention_path({c10::kCPU, dtype, BiasForm::Linear, kHeadDim, 200, 200});
    CHECK(path(dtype, AttentionPass::Forward) == whole);
    CHECK(path(dtype, AttentionPass::Backward) == whole);
    CHECK_THAT(path(dtype, AttentionPass::Decoding),
               ContainsSubstring(dtype == at::kHalf ? ", BLAS" : ", row by row"));
  }
}

TEST_CASE("both forms of ALiBi pass at thousands of tokens, the absolute one with larger errors") {
  // Slopes that are no powers of two, whose products are rounded.
  const Case relative_form{AlibiOptions{.form = AlibiForm::Relative, .interpolation = 3.0}},
      absolute_form{AlibiOptions{.form = AlibiForm::Absolute, .interpolation = 3.0}};
  for (const auto dtype : kDtypes)
    for (const auto pass : kPasses) {
      check_passes(relative_form, 3000, probe_of(dtype, pass));
      check_passes(absolute_form, 3000, probe_of(dtype, pass));
    }
  // Near the query the one form has small numbers, the other its largest.
  const auto near = [](const BiasAudit& audit) { return audit.distances[3].absolute; };
  CHECK(near(absolute_form.audit(3000, probe_of(at::kFloat))) >
        4.0 * near(relative_form.audit(3000, probe_of(at::kFloat))));
}

TEST_CASE("a bias in float64 is the definition's: distances and slopes, not their likeness") {
  const Case alibi{AlibiOptions{}};
  const auto slopes_H = at::tensor(std::vector<double>{0x1p-4, 0x1p-8, 0x1p-2}, at::kDouble);
  const at::Tensor wanted_HN = slopes_H.neg().unsqueeze(1) * at::arange(50, at::kDouble);
  CHECK(alibi.definition(50).equal(wanted_HN));
}

// A kernel that adds another bias than it was given.
BiasProbe with_bias(BiasProbe probe, const ScoreBias& wrong) {
  probe.attend = [wrong](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         const AttentionOptions& options) {
    AttentionOptions changed = options;
    changed.bias = wrong;
    return attention(q, k, v, changed);
  };
  return probe;
}

TEST_CASE("a kernel that forms the bias wrong is above the bound, in every precision and pass") {
  constexpr std::int64_t kLength = 3000;
  // Slopes that few bits do not hold.
  const Case alibi{AlibiOptions{.interpolation = 3.0}};
  const at::Tensor exact_HN = alibi.definition(kLength);
  const at::Tensor slopes_H = exact_HN.select(1, 1).neg();
  const at::Tensor distance_N = at::arange(kLength, at::kDouble);
  const auto narrow = [](const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kDouble); };
  for (const auto dtype : kDtypes)
    for (const auto pass : kPasses) {
      INFO(dtype << ", " << name_of(pass));
      const auto of_bound = [&](const ScoreBias& wrong) {
        return alibi.audit(kLength, with_bias(probe_of(dtype, pass), wrong)).of_bound();
      };
      CHECK(of_bound(LinearBias{slopes_H}) <= 1.0);
      CHECK(of_bound(LinearBias{slopes_H * 1.001}) > 1.0);
      CHECK(of_bound(LinearBias{slopes_H.flip(0)}) > 1.0);
      CHECK(of_bound(ScoreBias{}) > 1.0);
      CHECK(of_bound(DistanceBias{exact_HN.neg()}) > 1.0);
      CHECK(of_bound(DistanceBias{exact_HN.roll(1, 1)}) > 1.0);
      // Slopes, distances or their product in bfloat16.
      CHECK(of_bound(LinearBias{narrow(slopes_H)}) > 1.0);
      CHECK(of_bound(DistanceBias{slopes_H.neg().unsqueeze(1) * narrow(distance_N)}) > 1.0);
      CHECK(of_bound(DistanceBias{narrow(exact_HN)}) > 1.0);
    }
}

TEST_CASE("one key of one head is found where it is off by a few units in the last place") {
  const Case alibi{AlibiOptions{}};
  at::Tensor off_HN = alibi.definition(3000);
  off_HN[1][2500].mul_(1.0 + 0x1p-17);
  const BiasAudit audit = alibi.audit(3000, with_bias(probe_of(at::kFloat), DistanceBias{off_HN}));
  CHECK(audit.heads[0].of_bound <= 1.0);
  CHECK(audit.worst_head() == 1);
  CHECK(audit.of_bound() > 1.0);
  CHECK(audit.heads[1].at_distance == 2500);
  CHECK(std::abs(audit.heads[1].absolute - 2500.0 * 0x1p-8 * 0x1p-17) < 4e-6);
  CHECK(std::abs(audit.heads[1].relative - 0x1p-17) < 1e-6);
  CHECK(audit.heads[1].kernel_absolute == audit.heads[1].absolute);
  CHECK(audit.distances.back().first == 2048);
  CHECK(audit.distances.back().absolute == audit.heads[1].absolute);
}

TEST_CASE("a method's own rounding is an error of the bias, not of the kernel") {
  const Case kerple{KerpleOptions{}};
  const at::Tensor definition_HN = kerple.definition(200);
  const at::Tensor rough_HN = definition_HN.to(at::kBFloat16).to(at::kFloat);
  const BiasAudit audit = audit_bias(DistanceBias{rough_HN}, definition_HN, probe_of(at::kFloat));
  CHECK(audit.of_bound() <= 1.0);
  const double wanted =
      (rough_HN - rough_HN.narrow(1, 0, 1) - definition_HN).abs().max().item<double>();
  CHECK(std::abs(audit.heads[audit.worst_head()].kernel_absolute) < 1e-5);
  double absolute = 0.0;
  for (const HeadBiasErrors& head : audit.heads) absolute = std::max(absolute, head.absolute);
  CHECK(wanted > 1e-3);
  CHECK(std::abs(absolute - wanted) < 1e-5);
}

TEST_CASE("a window's hidden keys must not be seen, and the others are audited") {
  const Case windowed{PositionConfig{"alibi", AlibiOptions{}, 10}};
  const ScoreBias without_window = Case{AlibiOptions{}}.method->score_bias(40);
  for (const auto dtype : kDtypes)
    for (const auto pass : kPasses) {
      check_passes(windowed, 40, probe_of(dtype, pass));
      const BiasAudit leaks = windowed.audit(40, with_bias(probe_of(dtype, pass), without_window));
      CHECK(std::isinf(leaks.of_bound()));
      CHECK(leaks.heads[0].at_distance == 10);
    }
}

TEST_CASE("the relative error is no number where no bias is as large as 1") {
  const BiasAudit audit = Case{AlibiOptions{}}.audit(20, probe_of(at::kFloat));
  CHECK(std::isnan(audit.heads[1].relative));  // slope 2^-8
  CHECK(audit.heads[2].relative < 1e-6);       // slope 2^-2
}

TEST_CASE("the change of probabilities is that of two softmaxes") {
  const Case alibi{AlibiOptions{}};
  const at::Tensor exact_HN = alibi.definition(40);
  const BiasAudit audit =
      alibi.audit(40, with_bias(probe_of(at::kFloat), DistanceBias{exact_HN * 1.25}));
  const at::Tensor wanted_H =
      (exact_HN.mul(1.25).softmax(1) - exact_HN.softmax(1)).abs().sum(1) / 2.0;
  for (std::int64_t h = 0; h < kHeads; ++h)
    CHECK(std::abs(audit.heads[static_cast<std::size_t>(h)].probability_change -
                   wanted_H[h].item<double>()) < 1e-5);
}

}  // namespace
}  // namespace longspan
