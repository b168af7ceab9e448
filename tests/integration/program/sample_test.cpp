// The text that a run writes into its log at each validation.

#include <algorithm>

#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

std::vector<std::string> samples_of(const std::string& log) {
  constexpr std::string_view kMark = "sample text=";
  std::vector<std::string> samples;
  for (std::size_t at = log.find(kMark); at != std::string::npos; at = log.find(kMark, at + 1))
    samples.push_back(log.substr(at + kMark.size(), log.find('\n', at) - at - kMark.size()));
  return samples;
}

TEST_CASE("samples leave a run its bits") {
  const TinyRun tiny;
  const auto plain = tiny.train("plain");
  REQUIRE(plain.code == 0);
  CHECK(samples_of(plain.err).empty());
  const auto sampled = tiny.train("sampled", {"--set", "validate.sample={max_tokens: 12}"});
  REQUIRE(sampled.code == 0);
  for (const char* file : {"model.safetensors", "optimizer.safetensors"})
    CHECK(testing::checkpoint_file(tiny.path("plain"), 20, file) ==
          testing::checkpoint_file(tiny.path("sampled"), 20, file));
  CHECK(testing::stable_rows(tiny.path("plain")) == testing::stable_rows(tiny.path("sampled")));

  const auto samples = samples_of(sampled.err);
  REQUIRE(samples.size() == 4);  // steps 5, 10, 15 and 20
  CHECK(std::ranges::none_of(samples, &std::string::empty));
  CHECK(samples.front() != samples.back());
}

TEST_CASE("two processes write a sample once, and the one that one process writes") {
  const TinyRun tiny;
  const std::vector<std::string> sample{"--set", "validate.sample={prompt: the, max_tokens: 8}",
                                        "--set", "train.max_steps=5"};
  const auto one = tiny.train("one", sample);
  REQUIRE(one.code == 0);
  auto more = sample;
  more.insert(more.end(), {"--processes", "2"});
  const auto two = tiny.train("two", more);
  REQUIRE(two.code == 0);
  REQUIRE(samples_of(one.err).size() == 1);
  CHECK_THAT(samples_of(one.err).front(), ContainsSubstring("the"));
  CHECK(samples_of(two.err) == samples_of(one.err));
}

TEST_CASE("a sample that cannot be is refused before the first step") {
  const TinyRun tiny;
  const auto refused = [&](const std::string& setting, const std::string& more) {
    const auto result = tiny.train("run", {"--set", setting, "--set", more});
    CHECK(result.code == 2);
    CHECK_FALSE(std::filesystem::exists(tiny.path("run/metrics.jsonl")));
    return result.err;
  };
  CHECK_THAT(
      refused("validate.sample={max_tokens: 500}", "position={kind: learned, max_positions: 64}"),
      ContainsSubstring("validate.sample: prompt and tokens must fit the 64 positions"));
  CHECK_THAT(
      refused("validate.sample={prompt: a, max_tokens: 0}", "seed=1"),
      ContainsSubstring("validate.sample.max_tokens must be above 0 where a prompt is given"));
}

}  // namespace
}  // namespace longspan
