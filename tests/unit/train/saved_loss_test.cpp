// The loss that is saved with weights and computed again from them.

#include "train/saved_loss.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "longspan/core/error.h"
#include "support/paths.h"
#include "support/temporary_folder.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

class Losses {
 public:
  explicit Losses(std::vector<std::string> overrides = {})
      : config_(read(std::move(overrides))),
        data_(prepare_data(config_.data)),
        model_(make_model(config_, data_.tokenizer().vocab_size())) {}

  LossInputs inputs() const { return {config_, model_, data_}; }
  const Transformer& model() const { return model_; }
  at::Tensor weight(const std::string& name) const {
    const NamedTensors parameters = model_.parameters();
    return std::ranges::find(parameters, name, &NamedTensor::name)->tensor;
  }
  void set(Precision precision) { config_.train.precision = precision; }
  std::string refusal(const SavedLoss& saved) const {
    try {
      check_saved_loss(inputs(), saved, "step 5");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::Checkpoint);
      return error.what();
    }
    return "no error";
  }

 private:
  RunConfig read(std::vector<std::string> overrides) const {
    overrides.push_back("data.shards=" + (folder_.path() / "shards").string());
    return read_run_config(config::Document::from_file(
        testing::source_folder() / "configs/tests/tiny.yaml", overrides));
  }

  testing::TemporaryFolder folder_;
  RunConfig config_;
  ShardFolder data_;
  Transformer model_;
};

TEST_CASE("the same weights give the saved loss, to the bit; a weight that is another shows") {
  Losses losses;
  const auto saved = loss_to_save(losses.inputs());
  REQUIRE(saved);
  CHECK(saved->tokens == 16);
  CHECK(std::abs(saved->nats - std::log(losses.model().vocab_size())) < 0.5);
  CHECK(losses.refusal(*saved) == "no error");
  const at::NoGradGuard no_gradient;
  losses.weight("final_norm.weight").view(at::kInt)[0].bitwise_xor_(1 << 13);  // a thousandth
  const std::string refusal = losses.refusal(*saved);
  CHECK_THAT(refusal, ContainsSubstring("step 5: its weights must give the loss that they gave "
                                        "when they were saved, "));
  CHECK_THAT(refusal, ContainsSubstring("over 16 tokens, within 0 (nothing has changed that the "
                                        "bits depend on), got "));
  CHECK_THAT(refusal, ContainsSubstring("checkpoint.check_loss to false"));
}

TEST_CASE("in another environment the saved loss holds but for rounding") {
  Losses losses;
  auto saved = loss_to_save(losses.inputs());
  REQUIRE(saved);
  const double tolerance = loss_tolerance(losses.model(), saved->tokens, 0.0);
  CHECK((tolerance > 0.0 && tolerance < 1e-4));
  saved->nats += tolerance / 2;
  CHECK_THAT(losses.refusal(*saved), ContainsSubstring("within 0 (nothing has changed"));
  saved->environment["threads"] = "77";
  CHECK(losses.refusal(*saved) == "no error");
  saved->nats += tolerance;
  CHECK_THAT(losses.refusal(*saved), ContainsSubstring("changed: threads 77 -> "));
}

TEST_CASE("another precision moves a loss by less than is allowed, other weights by more") {
  Losses losses;
  const auto saved = loss_to_save(losses.inputs());
  REQUIRE(saved);
  const auto precision = GENERATE(Precision::Bf16, Precision::Fp16);
  losses.set(precision);
  const auto rounded = loss_to_save(losses.inputs());
  REQUIRE(rounded);
  CHECK(rounded->nats != saved->nats);
  CHECK(losses.refusal(*saved) == "no error");
  losses.set(Precision::Fp32);
  CHECK(losses.refusal(*rounded) == "no error");
  const at::NoGradGuard no_gradient;
  losses.weight("final_norm.weight").mul_(30.0);
  CHECK_THAT(losses.refusal(*rounded), ContainsSubstring("changed: precision "));
}

TEST_CASE("no loss is saved that is not finite, nor where none is asked for") {
  CHECK_FALSE(loss_to_save(Losses({"checkpoint.check_loss=false"}).inputs()));
  Losses losses;
  const at::NoGradGuard no_gradient;
  losses.weight("final_norm.weight").fill_(std::nan(""));
  CHECK_FALSE(loss_to_save(losses.inputs()));
}

}  // namespace
}  // namespace longspan
