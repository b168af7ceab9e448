// The list of runs, while they train and after whatever ended them.

#include <csignal>

#include "longspan/checkpoint/checkpoint.h"
#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

Json listed(const TinyRun& tiny, const std::string& folder) {
  const auto result = tiny.run({"runs", tiny.path(folder).string(), "--json"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  return Json::parse(result.out);
}

Json only(const TinyRun& tiny, const std::string& folder) {
  const Json list = listed(tiny, folder);
  CHECK(list["damaged"].empty());
  REQUIRE(list["runs"].size() == 1);
  return list["runs"][0];
}

TEST_CASE("runs: those that ended are listed by path, damaged ones named beside") {
  const TinyRun tiny;
  REQUIRE(tiny.train("runs/sweep/b").code == 0);
  REQUIRE(tiny.train("runs/a", {"--set", "train.max_steps=10"}).code == 0);
  make_folder(tiny.path("runs/other"));
  fs::copy(tiny.path("runs/a"), tiny.path("runs/broken"), fs::copy_options::recursive);
  write_file_durably(tiny.path("runs/broken/config.yaml"), "name: [");
  fs::copy(tiny.path("runs/a"), tiny.path("runs/half"), fs::copy_options::recursive);
  for (const auto& folder : checkpoint_folders(tiny.path("runs/half")))
    fs::remove(folder / "model.safetensors");
  fs::create_directory_symlink(tiny.path("runs"), tiny.path("runs/loop"));
  const Json list = listed(tiny, "runs");
  REQUIRE(list["runs"].size() == 2);
  const Json &a = list["runs"][0], &b = list["runs"][1];
  CHECK(a["run"] == tiny.path("runs/a").string());
  CHECK(a["state"] == "finished");
  CHECK(a["step"] == 10);
  CHECK(a["max_steps"] == 10);
  CHECK(b["run"] == tiny.path("runs/sweep/b").string());
  CHECK(b["step"] == 20);
  CHECK(b["bytes"].get<double>() > 10'000);
  CHECK(b["age_seconds"].get<double>() < 600);
  double best = 1e9, last = 0;
  for (const Json& row : testing::stable_rows(tiny.path("runs/sweep/b"))) {
    best = std::min(best, row.value("valid/loss", best));
    last = row.value("train/loss", last);
  }
  CHECK(b["best_valid_loss"] == best);
  CHECK(b["train_loss"] == last);
  REQUIRE(list["damaged"].size() == 2);
  CHECK(list["damaged"][0]["run"] == tiny.path("runs/broken").string());
  CHECK_THAT(list["damaged"][0]["problem"].get<std::string>(), ContainsSubstring("config.yaml"));
  CHECK_THAT(list["damaged"][1]["problem"].get<std::string>(), ContainsSubstring("none is"));
  const auto text = tiny.run({"runs", tiny.path("runs").string()});
  CHECK(text.code == 0);
  CHECK_THAT(text.out, ContainsSubstring("finished") && ContainsSubstring("20 of 20"));
  CHECK(std::ranges::count(text.out, '\n') == 3);
  CHECK(std::ranges::count(text.err, '\n') == 2);
}

TEST_CASE("runs: one that trains, was stopped, or was killed") {
  const TinyRun tiny;
  const auto start = [&](int steps_to_save) {
    auto program = std::make_unique<testing::Program>(
        tiny.train_arguments("run", {"--set", "train.max_steps=1000000", "--set",
                                     concat("checkpoint={every_steps: ", steps_to_save, "}"),
                                     "--set", "validate.every_steps=0", "--quiet"}),
        tiny.path("."));
    program->wait_until([&] { return fs::exists(tiny.path("run/checkpoints/latest")); });
    return program;
  };
  auto program = start(20);
  CHECK(only(tiny, "run")["state"] == "running");
  CHECK_FALSE(program->has_ended());  // nobody took its lock
  program->send(SIGTERM);
  CHECK(program->wait().code == 143);
  const Json stopped = only(tiny, "run");
  CHECK(stopped["state"] == "stopped");
  CHECK(stopped["best_valid_loss"].is_null());
  program = start(1'000'000);
  const auto saved = stopped["step"].get<std::int64_t>();
  program->wait_until([&] { return only(tiny, "run")["step"] > saved + 4; });
  program->send(SIGKILL);
  program->wait();
  const Json killed = only(tiny, "run");
  CHECK(killed["state"] == "failed");
  CHECK(killed["step"] > saved + 4);
}

TEST_CASE("runs: usage") {
  const TinyRun tiny;
  const auto none = tiny.run({"runs", tiny.path("none").string()});
  CHECK(none.code == 2);
  CHECK_THAT(none.err, ContainsSubstring("none: must be a folder with runs, got No such file"));
  make_folder(tiny.path("empty"));
  const auto empty = tiny.run({"runs", tiny.path("empty").string()});
  CHECK(empty.code == 0);
  CHECK(std::ranges::count(empty.out, '\n') == 1);
}

}  // namespace
}  // namespace longspan
