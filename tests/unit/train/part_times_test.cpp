// Which part of a step takes how long.

#include "train/part_times.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <set>

#include "longspan/kernels/step_part.h"
#include "longspan/train/benchmark.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

std::set<std::string> names_of(const std::map<std::string, double>& seconds) {
  std::set<std::string> names;
  for (const auto& [name, sum] : seconds) {
    CHECK(sum > 0.0);
    names.insert(name);
  }
  return names;
}

TEST_CASE("the outermost part counts for what it calls") {
  const auto x = at::ones({64, 64});
  const PartTimes times(c10::kCPU);
  {
    const StepPart part("longspan::attention");
    at::mm(x, x);
  }
  CHECK(names_of(times.seconds()) == std::set<std::string>{"attention"});
  at::mm(x, x).view({-1});
  CHECK(names_of(times.seconds()) == std::set<std::string>{"attention", "products"});
  x + x;
  CHECK(names_of(times.seconds()) ==
        std::set<std::string>{"attention", "other operators", "products"});
}

TEST_CASE("nothing is timed once the observer is gone") {
  const auto x = at::ones({8, 8});
  { const PartTimes times(c10::kCPU); }
  at::mm(x, x);
  const PartTimes times(c10::kCPU);
  CHECK(times.seconds().empty());
}

TEST_CASE("a view is no part, a copy is one") {
  CHECK(part_of("aten::transpose").empty());
  CHECK(part_of("aten::copy_") == "casts and copies");
  CHECK(part_of("aten::addmm") == "products");
  CHECK(part_of("aten::some_operator_to_come") == "other operators");
  CHECK(part_of("longspan::attention") == "attention");
  CHECK(part_of("torch::autograd::AccumulateGrad").empty());
}

TEST_CASE("the parts of a step add up to it, whatever the model") {
  const std::vector<std::string> overrides =
      GENERATE(std::vector<std::string>{}, std::vector<std::string>{"train.precision=bf16"},
               std::vector<std::string>{"position={kind: fire}"},
               std::vector<std::string>{"train.micro_batch_tokens=auto", "position={kind: rotary}"},
               std::vector<std::string>{"train.activation_checkpointing=true"},
               std::vector<std::string>{
                   "model.embedding={kind: adaptive, cutoffs: [20, 60], tie: true, scale: true}"});
  const auto config = read_run_config(
      config::Document::from_file(testing::source_folder() / "configs/tests/tiny.yaml", overrides));
  const StepBenchmark step = benchmark_step(config, {.vocab_size = 100, .steps = 2});
  double sum = 0.0;
  std::set<std::string> names;
  for (const auto& [name, seconds] : step.parts) {
    sum += seconds;
    names.insert(name);
    CHECK(seconds > 0.0);
  }
  CHECK(std::abs(sum - step.parts_seconds) < 1e-9);
  for (const auto* name : {"products", "attention", "norms", "activation", "head and loss",
                           "embedding", "clip and update", "dropout", "between operators"})
    CHECK(names.contains(name));
  CHECK(names.contains("rotation") == (config.position.kind == "rotary"));
  CHECK(step.fastest_seconds > 0.0);
  CHECK(step.median_seconds >= step.fastest_seconds);
  CHECK(step.micro_batch_tokens > 0);
}

}  // namespace
}  // namespace longspan
