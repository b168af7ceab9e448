// The verbs on a tiny run, one after another, and what they leave behind.

#include "support/paths.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

TEST_CASE("train leaves the run's folder as the interface says") {
  const TinyRun tiny;
  const auto result = tiny.train("run");
  INFO(result.err);
  REQUIRE(result.code == 0);
  for (const auto* name :
       {"config.yaml", "environment.json", "log.txt", "metrics.jsonl", "checkpoints/latest",
        "checkpoints/best", "checkpoints/step-000000020/manifest.json",
        "checkpoints/step-000000020/tokenizer"})
    CHECK(std::filesystem::exists(tiny.path("run") / name));
  const auto rows = testing::stable_rows(tiny.path("run"));
  REQUIRE(rows.size() == 12);  // every second step, and 5 and 15 for their validation
  for (const auto& row : rows) CHECK(row.contains("train/loss"));
  CHECK(rows[2]["step"] == 5);
  CHECK(rows[2].contains("valid/ppl"));
  CHECK(rows[2].contains("extrapolation/ppl@64"));
  CHECK(rows.back()["train/loss"].get<double>() < rows.front()["train/loss"].get<double>());
}

TEST_CASE("the resolved config trains to the same weights") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const auto again = tiny.run({"train", tiny.path("run/config.yaml").string(), "--run",
                               tiny.path("again").string(), "--threads", "1"});
  INFO(again.err);
  REQUIRE(again.code == 0);
  CHECK(testing::checkpoint_file(tiny.path("run"), 20, "model.safetensors") ==
        testing::checkpoint_file(tiny.path("again"), 20, "model.safetensors"));
  CHECK(read_file(tiny.path("run/config.yaml")) == read_file(tiny.path("again/config.yaml")));
}

TEST_CASE("evaluate scores every target once at every length, and JSON equals the file") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const auto result = tiny.run({"evaluate", tiny.path("run").string(), "--lengths", "16:64",
                                "--mode", "nonoverlapping", "--mode", "stride:8", "--json"});
  INFO(result.err);
  REQUIRE(result.code == 0);
  const Json printed = Json::parse(result.out),
             file = read_json(tiny.path("run/evaluations/valid.json"));
  REQUIRE(printed["cells"].size() == 6);
  CHECK(printed["cells"] == file["cells"]);
  for (const auto& cell : printed["cells"]) {
    CHECK(cell["targets"] == printed["cells"][0]["targets"]);
    CHECK(cell["targets_hash"] == printed["cells"][0]["targets_hash"]);
    CHECK(std::abs(std::exp(cell["loss_nats"].get<double>()) / cell["ppl"].get<double>() - 1) <
          1e-12);
    CHECK(cell["gain"].is_null() == (cell["length"] == 16));
    CHECK(cell["ppl_interval"][0].get<double>() < cell["ppl"].get<double>());
    CHECK(cell["ppl"].get<double>() < cell["ppl_interval"][1].get<double>());
  }
  CHECK(std::filesystem::exists(tiny.path("run/evaluations/valid.csv")));
  CHECK(std::filesystem::exists(tiny.path("run/evaluations/valid.svg")));
}

TEST_CASE("evaluate holds runs against the first one, and keeps what is there when told to") {
  const TinyRun tiny;
  REQUIRE(tiny.train("first").code == 0);
  REQUIRE(tiny.train("second", {"--set", "name=second", "--set", "position.kind=rotary"}).code ==
          0);
  const std::vector<std::string> words{
      "evaluate", tiny.path("first").string(), tiny.path("second").string(), "--lengths", "32,16",
      "--json"};
  const auto result = tiny.run(words);
  INFO(result.err);
  REQUIRE(result.code == 0);
  const Json printed = Json::parse(result.out);
  CHECK(printed["cells"][0]["length"] == 32);
  CHECK_FALSE(printed["cells"][0]["gain"].is_null());
  REQUIRE(printed["comparisons"].size() == 2);
  for (const Json& row : printed["comparisons"]) {
    const std::size_t cell = row["length"] == 32 ? 0 : 1;
    CHECK(row["run"] == "second");
    CHECK(row["against"] == "tiny");
    CHECK(std::abs(row["difference_nats"].get<double>() -
                   (printed["cells"][2 + cell]["loss_nats"].get<double>() -
                    printed["cells"][cell]["loss_nats"].get<double>())) < 1e-12);
    CHECK(row["standard_error"].get<double>() > 0.0);
  }
  CHECK(read_json(tiny.path("second/evaluations/valid.json"))["comparisons"].size() == 2);
  for (const Json& row : read_json(tiny.path("second/evaluations/valid.json"))["comparisons"])
    CHECK((row == printed["comparisons"][0] || row == printed["comparisons"][1]));
  CHECK_FALSE(read_json(tiny.path("first/evaluations/valid.json")).contains("comparisons"));
  const auto reported =
      tiny.run({"report", tiny.path("first").string(), tiny.path("second").string(), "--output",
                tiny.path("r.html").string()});
  INFO(reported.err);
  CHECK(reported.code == 0);
  const Json rows = read_json(tiny.path("r.json"))["paired"][0]["rows"];
  REQUIRE(rows.size() == 2);
  for (const Json& row : rows)
    for (const Json& told : printed["comparisons"])
      if (told["length"] == row["length"])
        for (const char* key : {"run", "against", "difference_nats", "standard_error", "p_value"})
          CHECK(row[key] == told[key]);
  auto plain = words;
  plain.pop_back();
  CHECK(tiny.run(plain).out.find("difference_nats") != std::string::npos);
  auto reuse = words;
  reuse.push_back("--reuse");
  const auto kept = tiny.run(reuse);
  INFO(kept.err);
  REQUIRE(kept.code == 0);
  CHECK(kept.err.find("evaluated") == std::string::npos);
  // The plain call scored all again: what was kept is its cells.
  const Json first = read_json(tiny.path("first/evaluations/valid.json")),
             second = read_json(tiny.path("second/evaluations/valid.json"));
  const Json cells = Json::parse(kept.out)["cells"];
  for (const std::size_t i : {0, 1}) {  // in the files the trained length comes first
    CHECK(cells[i] == first["cells"][1 - i]);
    CHECK(cells[2 + i] == second["cells"][1 - i]);
  }
}

TEST_CASE("evaluate takes keys of the run's config, and says which of its position it changed") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const std::vector<std::string> plain{"evaluate", tiny.path("run").string(), "--lengths", "16",
                                       "--json"};
  const auto with = [&](const std::string& setting) {
    auto words = plain;
    words.insert(words.end(), {"--set", setting});
    return tiny.run(words);
  };
  const auto cell_of = [](const testing::Finished& result) {
    INFO(result.err);
    REQUIRE(result.code == 0);
    const Json output = Json::parse(result.out);
    return Json(output.at("cells").at(0));
  };
  const Json before = cell_of(tiny.run(plain));
  std::filesystem::rename(tiny.path("shards"), tiny.path("elsewhere"));
  CHECK(tiny.run(plain).code == 3);
  CHECK(cell_of(with("data.shards=" + tiny.path("elsewhere").string()))["ppl"] == before["ppl"]);
  const auto from_here = std::filesystem::relative(tiny.path("elsewhere"));
  CHECK(cell_of(with("data.shards=" + from_here.string()))["ppl"] == before["ppl"]);
  std::filesystem::rename(tiny.path("elsewhere"), tiny.path("shards"));
  const Json changed = cell_of(with("position.form=absolute"));
  CHECK(changed["position_overrides"] == Json({"form=absolute"}));
  CHECK(std::abs(changed["ppl"].get<double>() / before["ppl"].get<double>() - 1.0) < 1e-4);
  CHECK(with("model.nonsense=1").code == 2);
  CHECK(with("model.d_model=64").code == 4);
}

TEST_CASE("a sweep trains its grid, reports, and a second call does nothing more") {
  const TinyRun tiny;
  write_file_durably(
      tiny.path("sweep.yaml"),
      "name: pair\nbase: tiny.yaml\ngrid: {position.kind: [alibi, learned], data.seq_len: [16]}\n"
      "evaluate: {lengths: '16', modes: [nonoverlapping], splits: [valid]}\n");
  const std::vector<std::string> words{"sweep",     tiny.path("sweep.yaml").string(),
                                       "--output",  tiny.path("out").string(),
                                       "--threads", "1"};
  const auto dry = tiny.run({"sweep", tiny.path("sweep.yaml").string(), "--output",
                             tiny.path("out").string(), "--dry-run"});
  INFO(dry.err);
  CHECK_THAT(dry.out, ContainsSubstring("alibi-16") && ContainsSubstring("learned-16"));
  const auto result = tiny.run(words);
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(std::filesystem::exists(tiny.path("out/report.html")));
  const auto metrics = read_file(tiny.path("out/alibi-16/metrics.jsonl"));
  CHECK(tiny.run(words).code == 0);
  CHECK(read_file(tiny.path("out/alibi-16/metrics.jsonl")) == metrics);
}

TEST_CASE("a plan is of a GPU's memory where there is no GPU too") {
  const TinyRun tiny;
  const auto plan = [&](const std::string& device) {
    const auto done = tiny.run({"plan", tiny.config().string(), "--vocab-size", "40", "--json",
                                "--set", "train.precision=bf16", "--device", device});
    INFO(done.err);
    REQUIRE(done.code == 0);
    return Json::parse(done.out)["memory_bytes"];
  };
  const Json on_cpu = plan("cpu"), on_gpu = plan("cuda");
  CHECK(on_gpu["activations"] < on_cpu["activations"]);
  CHECK(on_gpu["step_weights"] == on_cpu["step_weights"]);
  CHECK(on_gpu["step_weights"] > 0);
  CHECK(tiny.run({"plan", tiny.config().string(), "--device", "cuda:x"}).code == 2);
}

TEST_CASE("inspect, plan and prepare say what is there") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const auto prepared = tiny.run({"prepare", tiny.config().string(), "--json"});
  REQUIRE(prepared.code == 0);
  const Json prepare = Json::parse(prepared.out);
  const Json plan = Json::parse(tiny.run({"plan", tiny.config().string(), "--json"}).out);
  CHECK(plan["steps"] == 20);
  CHECK(plan["vocab_size"] == prepare["vocab_size"]);
  CHECK(plan["train_tokens"] == prepare["splits"]["train"]["tokens"]);
  CHECK(plan["parameters"] == read_json(tiny.path("run/environment.json"))["parameters"]);
  for (const auto* name : {"run", "shards", "run/checkpoints/step-000000020",
                           "run/checkpoints/step-000000020/tokenizer"}) {
    const auto result = tiny.run({"inspect", tiny.path(name).string(), "--verify", "--json"});
    INFO(name << result.err);
    CHECK(result.code == 0);
    CHECK(Json::parse(result.out).contains("kind"));
  }
  const auto pointed = tiny.run({"inspect", tiny.path("run/checkpoints/latest").string()});
  CHECK(pointed.out ==
        tiny.run({"inspect", tiny.path("run/checkpoints/step-000000020").string()}).out);
}

TEST_CASE("inspect names damaged checkpoints of a run, and ends with 4 when it verifies") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const std::string run = tiny.path("run").string();
  const auto newest = std::filesystem::canonical(
      tiny.path("run/checkpoints") / read_file(tiny.path("run/checkpoints/latest")).substr(0, 14));
  write_file_durably(newest / "manifest.json", "{");
  const auto seen = tiny.run({"inspect", run, "--json"});
  REQUIRE(seen.code == 0);
  CHECK(Json::parse(seen.out)["damaged_checkpoints"] == Json({newest.filename().string()}));
  const auto verified = tiny.run({"inspect", run, "--verify"});
  CHECK(verified.code == 4);
  CHECK(verified.out.empty());
  CHECK_THAT(verified.err, ContainsSubstring((newest / "manifest.json").string()));
}

TEST_CASE("a plan before any text is there") {
  const TinyRun tiny;
  const auto config = (testing::source_folder() / "configs/wikitext103.yaml").string();
  const auto no_shards = "data.shards=" + tiny.path("none").string();
  const auto bare = tiny.run({"plan", config, "--set", no_shards, "--set", "data.expect=none"});
  CHECK(bare.code == 3);
  CHECK_THAT(bare.err, ContainsSubstring("--vocab-size and --train-tokens, or data.expect"));
  const auto published = tiny.run({"plan", config, "--set", no_shards});
  CHECK(published.code == 0);
  CHECK_THAT(published.out, ContainsSubstring("published counts of wikitext-103") &&
                                ContainsSubstring(" 1,401\n"));
  const std::vector<std::string> words{"plan",         config,   "--set",          no_shards,
                                       "--vocab-size", "267744", "--train-tokens", "103227021"};
  const auto text = tiny.run(words);
  INFO(text.err);
  CHECK(text.code == 0);
  for (const auto* number : {" 246,933,504\n", " 201,616\n", " 1,401\n", " 286,000\n"})
    CHECK_THAT(text.out, ContainsSubstring(number));
  CHECK(text.out.find("GPU-hours") == std::string::npos);
  auto with_speed = words;
  with_speed.insert(with_speed.end(), {"--tokens-per-second", "28300", "--json"});
  const Json plan = Json::parse(tiny.run(with_speed).out);
  CHECK(plan["parameters"] == 246933504);
  CHECK(plan["steps_per_epoch"] == 1401);
  CHECK(std::abs(plan["gpu_hours"].get<double>() - 207.0) < 0.5);
  CHECK(plan["memory_bytes"]["total"].get<double>() > 3 * 4 * 246933504.0);
}

TEST_CASE("a plan over many devices ends where the batch has no more sequences") {
  const TinyRun tiny;
  const std::vector<std::string> plan{
      "plan",         (testing::source_folder() / "configs/wikitext103.yaml").string(),
      "--set",        "data.shards=" + tiny.path("none").string(),
      "--vocab-size", "267744"};
  const auto with = [&](const std::vector<std::string>& more) {
    auto words = plan;
    words.insert(words.end(), more.begin(), more.end());
    return tiny.run(words);
  };
  const std::vector<std::string> speed{"--tokens-per-second", "28300", "--devices", "8:1024"};
  const auto text = with(speed);
  INFO(text.err);
  CHECK(text.code == 0);
  CHECK_THAT(text.out, ContainsSubstring("modelled, not measured") &&
                           ContainsSubstring("the same 144 sequences a step"));
  auto as_json = speed;
  as_json.push_back("--json");
  const Json scaling = Json::parse(with(as_json).out)["scaling"];
  CHECK(scaling["message_bytes"] == 4 * 246933504LL);
  CHECK(scaling["fixed_batch"].size() == 5);  // 8 to 128
  REQUIRE(scaling["growing_batch"].size() == 8);
  const Json& most = scaling["growing_batch"][7];
  CHECK(most["devices"] == 1024);
  CHECK(most["batch_tokens"] == 1024 * 9216);
  CHECK(most["efficiency"].get<double>() > 0.0);
  CHECK(most["efficiency"].get<double>() < 1.0);

  const auto check_refused = [&](const std::vector<std::string>& words, const std::string& part) {
    const auto refused = with(words);
    CHECK(refused.code == 2);
    CHECK_THAT(refused.err, ContainsSubstring(part));
  };
  check_refused({"--devices", "8"}, "--tokens-per-second");
  check_refused({"--network-latency", "1"}, "--devices");
  check_refused({"--tokens-per-second", "1", "--devices", "8,x"}, "--devices must be like");
  check_refused({"--tokens-per-second", "1", "--devices", "12"}, "multiple of it, got 12");
}

TEST_CASE("every shipped sweep lists its runs") {
  const TinyRun tiny;
  const auto folder = testing::source_folder() / "configs/sweeps";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto result = tiny.run({"sweep", entry.path().string(), "--dry-run"});
    INFO(entry.path() << result.err);
    CHECK(result.code == 0);
    CHECK_THAT(result.out, ContainsSubstring("alibi"));
    ++count;
  }
  CHECK(count >= 18);
}

TEST_CASE("a report says how many cells the paper has a figure for") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  REQUIRE(tiny.run({"evaluate", tiny.path("run").string(), "--lengths", "16"}).code == 0);
  const auto report = [&](const std::string& reference) {
    return tiny.run({"report", tiny.path("run").string(), "--output", tiny.path("r.html").string(),
                     "--reference", reference, "--json"});
  };
  const auto result = report("paper");
  INFO(result.err);
  REQUIRE(result.code == 0);
  CHECK(Json::parse(result.out)["cells"] == 1);
  CHECK(Json::parse(result.out)["cells_with_reference"] == 0);
  CHECK(report(tiny.path("no.json").string()).code == 3);
}

TEST_CASE("help and version") {
  const TinyRun tiny;
  const auto version = tiny.run({"--version"});
  CHECK(version.code == 0);
  for (const auto* name : {"longspan ", "LibTorch 2.", "CUDA", "NCCL", "SentencePiece"})
    CHECK_THAT(version.out, ContainsSubstring(name));
  CHECK_THAT(tiny.run({"--help"}).out, ContainsSubstring("longspan VERB --help"));
  for (const std::string verb :
       {"prepare", "train", "evaluate", "sweep", "report", "generate", "plan", "bench", "attention",
        "audit", "inspect", "runs", "import", "export", "verify-resume", "schema", "completion"}) {
    const auto help = tiny.run({verb, "--help"});
    CHECK(help.code == 0);
    CHECK_THAT(help.out, ContainsSubstring("--set") && ContainsSubstring("--json") &&
                             ContainsSubstring("Examples:\n  longspan " + verb));
    CHECK(help.out.find("Exit codes: ") == help.out.rfind("Exit codes: "));
  }
}

}  // namespace
}  // namespace longspan
