// What the passes of a step share, beside passes that share nothing.

#include "longspan/model/step_weights.h"

#include <cmath>

#include "longspan/core/error.h"
#include "support/tensors.h"
#include "unit/model/variants.h"

namespace longspan {
namespace {

using namespace longspan::testing;

TEST_CASE("a company is one matrix with zeros below it, rounded once") {
  const auto a = random_tensor({3, 5}, 1), b = random_tensor({2, 5}, 2);
  const Company company{{a, b}, 3};
  StepWeights weights({company, {{random_tensor({4}, 3)}, 0}}, at::kBFloat16);
  const at::Tensor narrow = weights.of(company, at::kBFloat16).narrow;
  CHECK(narrow.equal(at::cat({a, b, at::zeros({3, 5})}).to(at::kBFloat16)));
  CHECK(weights.all_handed_over());
  weights.of(company, at::kBFloat16).gradient = at::zeros({8, 5});
  CHECK_FALSE(weights.all_handed_over());
}

TEST_CASE("a step has the weights that it was made of, in one form and company") {
  const auto a = random_tensor({3, 5}, 1), b = random_tensor({2, 5}, 2);
  StepWeights weights({{{a}, 0}}, at::kBFloat16);
  CHECK_THROWS_AS(weights.of({{b}, 0}, at::kBFloat16), Error);
  CHECK_THROWS_AS(weights.of({{a, b}, 0}, at::kBFloat16), Error);
  CHECK_THROWS_AS(weights.of({{a}, 0}, at::kHalf), Error);
  CHECK_THROWS_AS(StepWeights({{{a}, 0}, {{a, b}, 0}}, at::kBFloat16), Error);
}

// Returns the ids of a step's passes, as inputs and targets. The last pass has none from 7 on,
// which are all of an adaptive vocabulary's tails; so have all where the tails are not to be
// reached.
std::vector<at::Tensor> ids_of_passes(bool reaches_tails) {
  std::vector<at::Tensor> passes;
  for (const std::int64_t number : {0, 1, 2})
    passes.push_back(at::arange(16, at::kLong)
                         .mul(number + 2)
                         .remainder(number == 2 || !reaches_tails ? 7 : kVocabSize)
                         .view({2, 8}));
  return passes;
}

// Returns the gradients of a step, of passes that share what they can or share nothing.
std::vector<at::Tensor> gradients_of_step(const Transformer& model,
                                          const std::vector<at::Tensor>& passes, bool shares) {
  StepWeights step_weights = model.step_weights(at::kBFloat16);
  ForwardOptions options;
  options.compute_dtype = at::kBFloat16;
  if (shares) options.step_weights = &step_weights;
  for (std::size_t i = 0; i < passes.size(); ++i) {
    if (i + 1 == passes.size()) step_weights.expect_last_pass();
    model.loss_sum(model.features(passes[i], options), passes[i], options).backward();
    if (shares) CHECK(step_weights.all_handed_over() == (i + 1 == passes.size()));
  }
  std::vector<at::Tensor> gradients;
  for (const auto& parameter : model.parameters()) {
    gradients.push_back(parameter.tensor.grad());
    parameter.tensor.mutable_grad().reset();
  }
  return gradients;
}

TEST_CASE("gradients of a step's passes are added up in float32 and handed over by the last") {
  const auto name = GENERATE(from_range(variant_names()));
  INFO(name);
  const auto model = make(variants().at(name));
  const bool reaches_tails = GENERATE(true, false);
  const auto passes = ids_of_passes(reaches_tails);
  const auto own = gradients_of_step(model, passes, false),
             shared = gradients_of_step(model, passes, true);
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::string& parameter = model.parameters()[i].name;
    INFO(parameter);
    const bool is_reached = reaches_tails || !(parameter.starts_with("head.band1") ||
                                               parameter.starts_with("head.band2"));
    REQUIRE(own[i].defined() == is_reached);
    REQUIRE(shared[i].defined() == is_reached);
    if (!is_reached) continue;
    // At most 48 rows and 3 products, one a pass, are added up in another order; each sum, of less
    // than 2^5, is rounded to 24 bits.
    CHECK(difference(shared[i], own[i], 51 * 32 * std::exp2(-24)) == "");
  }
}

TEST_CASE("a narrow loss whose backward is not called with the loss scale is refused") {
  const auto model = make(small());
  ForwardOptions options;
  options.compute_dtype = at::kHalf;
  options.loss_scale = 8.0;
  const auto loss = model.loss_sum(model.features(kInputs, options), targets(), options);
  CHECK_THROWS_AS(loss.backward(at::full({}, 4.0)), Error);
}

}  // namespace
}  // namespace longspan
