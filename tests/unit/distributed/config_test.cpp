// What the distributed section may say.

#include "longspan/distributed/config.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>

#include "longspan/core/error.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

DistributedConfig read(const std::string& section) {
  const auto document = config::Document::from_text("distributed: " + section + "\n", "run.yaml");
  return read_distributed_config(document.root().section("distributed"));
}

void check_refused(const std::string& section, const std::string& part) {
  try {
    read(section);
    FAIL("accepted " << section);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    CHECK_THAT(error.what(), ContainsSubstring("run.yaml:1:") && ContainsSubstring(part));
  }
}

TEST_CASE("the distributed section has defaults for all") {
  const auto config = read("{}");
  CHECK(config.backend == Backend::Auto);
  CHECK(config.reduce_precision == at::kFloat);
  CHECK_FALSE(config.processes.has_value());
  CHECK(config.timeout_seconds == 600.0);
  CHECK(read("{backend: gloo, processes: 3, timeout_seconds: 2.5}").processes == 3);
  CHECK(read("{backend: gloo}").backend == Backend::Gloo);
  CHECK(read("{backend: nccl}").backend == Backend::Nccl);
  CHECK(read("{reduce_precision: bf16}").reduce_precision == at::kBFloat16);
  CHECK(read("{bucket_mib: 0.5}").bucket_bytes() == 1 << 19);
  CHECK_FALSE(read("{processes: auto}").processes.has_value());
}

TEST_CASE("what the distributed section cannot be is refused by key and place") {
  check_refused("{backend: mpi}", "distributed.backend");
  check_refused("{bucket_mib: 0.0}", "distributed.bucket_mib");
  check_refused("{reduce_precision: fp16}", "distributed.reduce_precision");
  check_refused("{processes: 0}", "distributed.processes");
  check_refused("{processes: many}", "auto or a decimal integer");
  check_refused("{timeout_seconds: 0.0}", "distributed.timeout_seconds");
  check_refused("{timeout: 5}", "distributed.timeout");
}

}  // namespace
}  // namespace longspan
