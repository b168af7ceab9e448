// A run in a job whose end the scheduler tells.

#include <chrono>
#include <cstdlib>

#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;
using Words = std::vector<std::string>;

// Sets SLURM_JOB_END_TIME while it lives.
class JobEnd {
 public:
  explicit JobEnd(const std::string& value) {
    ::setenv("SLURM_JOB_END_TIME", value.c_str(), /*overwrite=*/1);
  }
  ~JobEnd() { ::unsetenv("SLURM_JOB_END_TIME"); }
  JobEnd(const JobEnd&) = delete;
  JobEnd& operator=(const JobEnd&) = delete;
};

std::int64_t seconds_from_now(std::int64_t seconds) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count() + seconds;
}

const Words kEndless{"--set", "train.max_steps=1000000",  "--set", "schedule.period_steps=17",
                     "--set", "checkpoint.every_steps=0", "--set", "validate.every_steps=0"};

TEST_CASE("a run saves before its job ends, ends as by SIGTERM, and goes on in the next job") {
  for (const char* processes : {"1", "2"}) {
    const TinyRun tiny;
    Words words = kEndless;
    words.insert(words.end(), {"--processes", processes});
    const std::int64_t end = seconds_from_now(8);
    {
      const JobEnd job(std::to_string(end));
      const auto result = tiny.train("run", words);
      INFO(result.err);
      CHECK(result.code == 143);
      const auto saved = std::filesystem::last_write_time(tiny.path("run/checkpoints/latest"));
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(
          std::chrono::file_clock::to_sys(saved).time_since_epoch());
      CHECK(seconds.count() <= end);
      CHECK_THAT(result.err, ContainsSubstring("the job ends soon: saves, and ends, after "));
      CHECK_THAT(result.err, ContainsSubstring("stopped by a signal after a save"));
    }
    const auto checkpoint = read_file(tiny.path("run/checkpoints/latest"));
    const auto next = tiny.train("run", {"--set", "train.max_steps=1"});
    CHECK_THAT(next.err, ContainsSubstring("already trained to its end"));
    CHECK(tiny.run({"inspect", tiny.path("run").string(), "--verify"}).code == 0);
    CHECK(checkpoint > "step-000000001\n");
  }
}

TEST_CASE("an end that is past or that no run reaches changes nothing") {
  const TinyRun tiny;
  {
    const JobEnd job(std::to_string(seconds_from_now(-10)));
    const auto result = tiny.train("past");
    CHECK(result.code == 0);
    CHECK_THAT(result.err, ContainsSubstring("SLURM_JOB_END_TIME is past"));
  }
  const JobEnd job("9000000000000000000");
  CHECK(tiny.train("far").code == 0);
}

TEST_CASE("an end that is no number is an error") {
  const TinyRun tiny;
  for (const char* value : {"", "soon", "-1", "1e9", "2026-11-26"}) {
    const JobEnd job(value);
    const auto result = tiny.train("run");
    INFO(result.err);
    CHECK(result.code == 2);
    CHECK_THAT(result.err, ContainsSubstring("SLURM_JOB_END_TIME must be seconds since 1970"));
  }
}

}  // namespace
}  // namespace longspan
