// What the optimizer section may say, and the text of each refusal.
#include <ATen/ops/ones.h>

#include <string>

#include "longspan/core/error.h"
#include "optim/kinds.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

OptimizerConfig read(const std::string& section) {
  const auto document = config::Document::from_text("optimizer: " + section + "\n", "run.yaml");
  return read_optimizer_config(document.root().section("optimizer"));
}

void check_refused(const std::string& section, const std::string& first,
                   const std::string& second) {
  try {
    read(section);
    FAIL("accepted " << section);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    CHECK_THAT(error.what(), ContainsSubstring("run.yaml:1:") && ContainsSubstring(first) &&
                                 ContainsSubstring(second));
  }
}

config::Reader options(const std::string& text) {
  return config::Document::from_text("{" + text + "}", "run.yaml").root();
}

TEST_CASE("each optimizer kind reads its own options") {
  const NagOptions nag = read_nag(options("momentum: 0.5"));
  CHECK(nag.momentum == 0.5);
  CHECK(nag.weight_decay == 0.0);
  const SgdOptions sgd = read_sgd(options("momentum: 0.25, weight_decay: 0.5"));
  CHECK(sgd.momentum == 0.25);
  CHECK(sgd.weight_decay == 0.5);
  const AdamWOptions adamw =
      read_adamw(options("beta1: 0.8, beta2: 0.7, eps: 1.0e-6, weight_decay: 0.3"));
  CHECK(adamw.beta1 == 0.8);
  CHECK(adamw.beta2 == 0.7);
  CHECK(adamw.eps == 1e-6);
  CHECK(adamw.weight_decay == 0.3);
}

TEST_CASE("the optimizer section gives a kind, its maker and what all kinds share") {
  const OptimizerConfig nag = read("{kind: nag, momentum: 0.5, clip_norm: 0.1}");
  CHECK(nag.kind == "nag");
  CHECK(nag.clip_norm == 0.1);
  CHECK(read("{}").kind == "adamw");
  CHECK(read("{}").clip_norm == 0.0);
}

// One step from 1 with a gradient of 1 at a rate of 1, by hand: sgd ends at 1 - 1 = 0 and then
// at 0 - (momentum + 1).
TEST_CASE("the maker holds the options that were read") {
  const at::Tensor x = at::ones({1});
  const auto optimizer = read("{kind: sgd, momentum: 0.25}").make({{"x", x}});
  for (const double expected : {0.0, -1.25}) {
    x.mutable_grad() = at::ones({1});
    optimizer->step(1.0);
    CHECK(x.item<double>() == expected);
  }
}

TEST_CASE("an option of another optimizer kind is refused by name") {
  check_refused("{kind: nag, beta1: 0.9}", "optimizer.beta1 must not be given",
                "option of adamw), got kind nag");
  check_refused("{kind: adamw, momentum: 0.9}", "optimizer.momentum must not be given",
                "option of nag, sgd), got kind adamw");
  check_refused("{kind: sgd, eps: 1.0e-8}", "optimizer.eps must not be given", "got kind sgd");
}

TEST_CASE("optimizer options out of range and unknown ones are refused") {
  check_refused("{kind: nag, momentum: 1.0}", "optimizer.momentum", "1");
  check_refused("{kind: adamw, beta2: -0.1}", "optimizer.beta2", "-0.1");
  check_refused("{kind: adamw, eps: 0.0}", "optimizer.eps", "0");
  check_refused("{kind: nag, clip_norm: -1}", "optimizer.clip_norm", "-1");
  check_refused("{kind: lion}", "optimizer.kind", "lion");
  check_refused("{kind: sgd, momentun: 0.9}", "optimizer.momentun", "momentum");
}

}  // namespace
}  // namespace longspan
