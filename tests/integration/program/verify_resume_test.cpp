// The verb that kills a run and compares it.

#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

TEST_CASE("a run is killed as often as asked, on one and on two processes, and ends equal") {
  const TinyRun tiny;
  const std::string processes = GENERATE("1", "2");
  const auto done =
      tiny.run({"verify-resume", tiny.config().string(), "--run", tiny.path("trial").string(),
                "--kills", "3", "--seed", "5", "--threads", "1", "--processes", processes, "--json",
                "--set", "train.max_steps=12", "--set", "checkpoint.every_steps=3"});
  INFO(done.err);
  REQUIRE(done.code == 0);
  const Json verdict = parse_json(done.out, "verdict");
  CHECK(verdict["equal"] == true);
  CHECK(verdict["kills"] == 3);
  CHECK(verdict["step"] == 12);
  CHECK(verdict["seed"] == 5);
  CHECK(verdict["tensors"] > 20);
  CHECK(testing::stable_rows(tiny.path("trial/whole")) ==
        testing::stable_rows(tiny.path("trial/killed-1")));
  std::size_t killed = 0;
  for (auto at = done.err.find(" killed "); at != std::string::npos;
       at = done.err.find(" killed ", at + 1))
    ++killed;
  CHECK(killed == 3);
}

TEST_CASE("what cannot be compared is refused before anything is trained") {
  const TinyRun tiny;
  const auto verify = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"verify-resume", tiny.config().string(), "--run",
                                   tiny.path("trial").string()};
    words.insert(words.end(), more.begin(), more.end());
    return tiny.run(words);
  };
  const auto timed = verify({"--set", "train.max_seconds=5"});
  CHECK(timed.code == 2);
  CHECK_THAT(timed.err, ContainsSubstring("train.max_seconds"));
  const auto broken = verify({"--set", "schedule.peak_lr=1.0e+30", "--set", "optimizer.clip_norm=0",
                              "--set", "optimizer.kind=sgd"});
  CHECK(broken.code == 4);
  CHECK_THAT(broken.err, ContainsSubstring("exit code 5"));
  const auto again = verify({});
  CHECK(again.code == 2);
  CHECK_THAT(again.err, ContainsSubstring("must not be there yet"));
}

}  // namespace
}  // namespace longspan
