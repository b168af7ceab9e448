// What the optimizer section may say, and the text of each refusal.
#include <string>

#include "longspan/core/error.h"
#include "longspan/optim/optimizer.h"

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

TEST_CASE("optimizer options are read by kind") {
  const OptimizerConfig nag = read("{kind: nag, momentum: 0.5, clip_norm: 0.1}");
  CHECK(nag.kind == "nag");
  CHECK(nag.momentum == 0.5);
  CHECK(nag.clip_norm == 0.1);
  CHECK(nag.weight_decay == 0.0);
  const OptimizerConfig adamw =
      read("{kind: adamw, beta1: 0.8, beta2: 0.7, eps: 1.0e-6, weight_decay: 0.3}");
  CHECK(adamw.beta1 == 0.8);
  CHECK(adamw.beta2 == 0.7);
  CHECK(adamw.eps == 1e-6);
  CHECK(adamw.weight_decay == 0.3);
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
