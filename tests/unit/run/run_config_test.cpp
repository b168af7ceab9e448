// The run's configuration: what its sections demand of each other, limits, and the resolved text.

#include "longspan/run/run_config.h"

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "support/paths.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;

const std::filesystem::path kConfig = testing::source_folder() / "configs/tests/tiny.yaml";

RunConfig read(const std::vector<std::string>& overrides = {}) {
  return read_run_config(config::Document::from_file(kConfig, overrides));
}

std::string error_of(const std::vector<std::string>& overrides) {
  try {
    read(overrides);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    return error.what();
  }
  return "no error";
}

TEST_CASE("the resolved text reads back to itself") {
  const auto config = read();
  const auto again = read_run_config(config::Document::from_text(config.resolved, "resolved.yaml"));
  CHECK(again.resolved == config.resolved);
  CHECK(again.data.shards == config.data.shards);
  for (const auto* key : {"norm_eps", "keep_best", "weight_decay", "period_steps", "tensorboard"})
    CHECK_THAT(config.resolved, ContainsSubstring(key));
}

TEST_CASE("steps that the limits allow") {
  TrainConfig limits;
  limits.batch_tokens = 100;
  limits.max_steps = 50;
  CHECK(planned_steps(limits, 7) == 50);
  limits.max_tokens = 1001;
  CHECK(planned_steps(limits, 7) == 11);
  limits.max_epochs = 1;
  CHECK(planned_steps(limits, 7) == 7);
  limits = {};
  limits.batch_tokens = 100;
  limits.max_seconds = 5.0;
  CHECK_FALSE(planned_steps(limits, 7));
  limits.max_epochs = 3;
  CHECK(planned_steps(limits, 7) == 21);
  CHECK_FALSE(planned_steps(limits, std::nullopt));
}

TEST_CASE("a sample is taken where it is asked for, of a length that it may leave out") {
  CHECK(read().validate.sample.max_tokens == 0);
  CHECK(read({"validate.sample={}"}).validate.sample.max_tokens == 100);
  const auto sample = read({"validate.sample={prompt: the, max_tokens: 7}"}).validate.sample;
  CHECK(sample.prompt == "the");
  CHECK(sample.max_tokens == 7);
  CHECK(read({"validate.sample.prompt=the"}).validate.sample.max_tokens == 100);
  CHECK_THAT(error_of({"validate.sample={prompt: the, max_tokens: 0}"}),
             ContainsSubstring(
                 "validate.sample.max_tokens must be above 0 where a prompt is given, got 0"));
}

TEST_CASE("sections check each other") {
  CHECK_THAT(
      error_of({"train.batch_tokens=40"}),
      ContainsSubstring("train.batch_tokens must be a multiple of data.seq_len (16), got 40"));
  CHECK_THAT(error_of({"train.micro_batch_tokens=40"}),
             ContainsSubstring("train.micro_batch_tokens"));
  CHECK_THAT(error_of({"checkpoint.keep_best=extrapolation/ppl@128"}),
             ContainsSubstring("checkpoint.keep_best"));
  CHECK(error_of({"checkpoint.keep_best=extrapolation/ppl@64"}) == "no error");
  CHECK_THAT(
      error_of({"checkpoint.keep_every_steps=7"}),
      ContainsSubstring("checkpoint.keep_every_steps must be 0 or a multiple of every_steps"));
  CHECK(error_of({"checkpoint.keep_every_steps=15"}) == "no error");
  CHECK_THAT(error_of({"position.kind=learned", "validate.lengths=[16, 17]"}),
             ContainsSubstring("validate.lengths must not exceed the 16 positions that learned can "
                               "tell apart, got 17"));
  CHECK(error_of({"position={kind: learned, max_positions: 17}", "validate.lengths=[16, 17]"}) ==
        "no error");
  CHECK_THAT(
      error_of({"position.kind=learned", "checkpoint.keep_best=extrapolation/ppl@64"}),
      ContainsSubstring("checkpoint.keep_best must be of a length within the 16 positions that "
                        "learned can tell apart, got extrapolation/ppl@64"));
  CHECK_THAT(error_of({"name=a/b"}), ContainsSubstring("name"));
  CHECK_THAT(error_of({"position.kind=rotary", "model.d_model=6"}), ContainsSubstring("rotary"));
  CHECK_THAT(error_of({"validate.lengths=[]"}), ContainsSubstring("validate.lengths"));
  CHECK_THAT(error_of({"trian.max_steps=4"}), ContainsSubstring("trian"));
  CHECK_THAT(
      error_of({"train.loss_scale={init: 64}"}),
      ContainsSubstring("train.loss_scale must be given with precision fp16 only, got precision"));
  CHECK(error_of({"train.precision=fp16", "train.loss_scale={init: 64}"}) == "no error");
}

TEST_CASE("steps are computed twice only where that is asked for") {
  CHECK(read().train.check_every_steps == 0);
  CHECK(read({"train.check_every_steps=50"}).train.check_every_steps == 50);
  CHECK_THAT(error_of({"train.check_every_steps=-1"}),
             ContainsSubstring("train.check_every_steps"));
}

TEST_CASE("a guard's key that has no effect is an error") {
  CHECK(read().train.guard.non_finite == GuardAction::Stop);
  CHECK(read({"train.guard={non_finite: skip, max_skips: 3}"}).train.guard.max_skips == 3);
  CHECK_THAT(
      error_of({"train.guard.max_skips=3"}),
      ContainsSubstring("train.guard.max_skips must be given with non_finite or spike skip only"));
  CHECK_THAT(error_of({"train.guard.non_finite=ignore"}), ContainsSubstring("stop, skip"));
  CHECK_THAT(error_of({"train.guard.spike_factor=2"}),
             ContainsSubstring("train.guard.spike_factor must be given with a spike that is not"));
  CHECK_THAT(error_of({"train.guard={spike: stop, max_skips: 3}"}),
             ContainsSubstring("train.guard.max_skips must be given with"));
  CHECK_THAT(error_of({"train.guard={spike: stop, spike_factor: 0.5}"}),
             ContainsSubstring("train.guard.spike_factor must be 0 or above 1, got 0.5"));
  CHECK_THAT(
      error_of({"train.guard={spike: stop, spike_deviations: 0}"}),
      ContainsSubstring("train.guard must have a spike_deviations or a spike_factor above 0"));
  CHECK_THAT(error_of({"train.guard={spike: skip, max_rollbacks: 3}"}),
             ContainsSubstring("train.guard.max_rollbacks must be given with"));
  CHECK_THAT(error_of({"train.guard.spike=rollback", "checkpoint.every_steps=0"}),
             ContainsSubstring("checkpoint.every_steps must be above 0 where train.guard rolls"));
  const auto guard = read({"train.guard={spike: skip, spike_factor: 2}"}).train.guard;
  CHECK(guard.spike == GuardAction::Skip);
  CHECK(guard.spike_factor == 2.0);
}

// fairseq's --max-tokens 9216 with 2048 tokens a sequence: four sequences, on each of 8 GPUs.
TEST_CASE("fairseq's order takes the whole sequences that a pass has room for") {
  const auto paper = read_run_config(
      config::Document::from_file(testing::source_folder() / "configs/wikitext103.yaml",
                                  {"data.seq_len=2048", "validate.lengths=[2048]"}));
  CHECK(paper.train.micro_batch_tokens == 4 * 2048);
  CHECK(paper.train.batch_tokens == 8 * 4 * 2048);
  CHECK(paper.sequences_per_step() == 32);
  CHECK_THAT(paper.resolved, ContainsSubstring("micro_batch_tokens: 9216"));
  const auto short_of_one =
      read({"data.order=fairseq", "train.batch_tokens=30", "train.micro_batch_tokens=10"});
  CHECK(short_of_one.train.micro_batch_tokens == 16);
  CHECK(short_of_one.train.batch_tokens == 48);
  const auto one_pass =
      read({"data.order=fairseq", "train.batch_tokens=70", "train.micro_batch_tokens=70"});
  CHECK(make_run_plan(one_pass, 1600)->sequences(0).blocks.size() == 4);
  const auto uneven =
      error_of({"data.order=fairseq", "train.batch_tokens=170", "train.micro_batch_tokens=70"});
  CHECK_THAT(uneven, ContainsSubstring("train.micro_batch_tokens must divide batch_tokens (170) "
                                       "with data.order fairseq, got 70"));
  const auto whole =
      read({"data.order=fairseq", "train.batch_tokens=160", "train.micro_batch_tokens=64"});
  CHECK(whole.train.batch_tokens == 160);
  CHECK(whole.train.micro_batch_tokens == 64);
  CHECK_THAT(
      error_of({"data.order=fairseq", "train.batch_tokens=40", "train.micro_batch_tokens=auto"}),
      ContainsSubstring("train.batch_tokens must be a multiple of data.seq_len (16), got 40"));
}

TEST_CASE("every shipped configuration reads") {
  const auto folder = testing::source_folder() / "configs";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    INFO(entry.path());
    CHECK_NOTHROW(read_run_config(config::Document::from_file(entry.path())));
    ++count;
  }
  CHECK(count >= 8);
}

}  // namespace
}  // namespace longspan
