// Every mistake of a user ends in one line that names the place and in the right exit code, with
// nothing half-written.

#include <sys/mount.h>

#include <algorithm>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::TinyRun;

// The last line of stderr is the error; log lines may stand before it.
std::string error_line(const std::string& err) {
  std::string text = err;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const std::size_t start = text.rfind('\n');
  return start == std::string::npos ? text : text.substr(start + 1);
}

void check_error(const testing::Finished& result, int code, const std::vector<std::string>& parts) {
  INFO(result.err);
  CHECK(result.code == code);
  const std::string line = error_line(result.err);
  CHECK_THAT(line, Catch::Matchers::StartsWith("longspan: error: "));
  for (const auto& part : parts) CHECK_THAT(line, ContainsSubstring(part));
  CHECK(result.out.empty());
}

TEST_CASE("usage errors") {
  const TinyRun tiny;
  check_error(tiny.run({"trian"}), 2, {"trian", "train"});
  using Words = std::vector<std::string>;
  for (const Words& words : {Words{}, Words{"--verison"}, Words{"--quiet", "train"}})
    check_error(tiny.run(words), 2,
                {"the verb must be one of prepare, ", words.empty() ? "got none" : words[0],
                 "; see longspan --help"});
  check_error(tiny.run({"train", tiny.path("none.yaml").string()}), 3, {"none.yaml"});
  const std::string config = tiny.config().string();
  check_error(tiny.run({"train", config, "--frobnicate", "5"}), 2,
              {"train has no option --frobnicate; see longspan train --help"});
  check_error(tiny.run({"train", config, "--resume", "perhaps"}), 4,
              {"--resume must be auto, never or a checkpoint's folder, there is no perhaps"});
  for (const auto* verb : {"generate", "verify-resume"})
    check_error(tiny.run({verb, config, "--seed", "-1"}), 2,
                {"--seed", "must be a number of at least 0, got -1"});
  for (const auto* speed : {"0", "-3", "inf", "nan", "1x"})
    check_error(tiny.run({"plan", config, "--tokens-per-second", speed}), 2,
                {"--tokens-per-second", "must be a number above 0, got ", speed});
  check_error(tiny.run({"evaluate", tiny.path("gone").string()}), 2,
              {"must be the folder of a run, there is nothing of that name"});
  check_error(tiny.run({"evaluate", tiny.path(".").string()}), 2, {"it has no config.yaml"});
  check_error(tiny.run({"evaluate", tiny.path(".").string(), "--position", "window"}), 2,
              {"--position must be KEY=VALUE, as interpolation=4, got window"});
  check_error(tiny.run({"inspect", tiny.path(".").string()}), 2, {"found the files of none"});
  check_error(tiny.run({"report", tiny.path(".").string(), "--reference", "papre"}), 3,
              {"--reference must be paper or a file of published perplexities, there is no papre"});
  for (const auto* verb : {"report", "inspect"})
    check_error(tiny.run({verb, tiny.path(".").string(), "--set", "seed=2"}), 2,
                {verb, "reads none", "seed=2"});
}

TEST_CASE("a command line that the program cannot take says what must stand there") {
  const TinyRun tiny;
  const std::string config = tiny.config().string();
  struct Case {
    std::vector<std::string> words;
    std::string error;
  };
  const std::vector<Case> cases{
      {{"trian"}, "got trian; did you mean train?; see longspan --help"},
      {{"train", config, "--runn", "x"},
       "train has no option --runn; did you mean --run?; see longspan train --help"},
      {{"train", config, "--runn=x"}, "train has no option --runn; did you mean --run?; see"},
      {{"train", config, "more"}, "train must get no argument beside CONFIG, got more; see"},
      {{"train", config, "--run"}, "--run must have a value, got none; see longspan train --help"},
      {{"train"}, "CONFIG must be given, got none; see longspan train --help"},
      {{"train", config, "--quiet=no"}, "--quiet must stand alone, got a value; see"},
      {{"generate", "r", "--seed", "1", "--seed", "2"}, "--seed must be given once, got 2 values"},
      {{"generate", "r", "--max-tokens", "ten"},
       "--max-tokens: must be a whole number, 1 to 2147483648, got ten; see longspan generate"},
      {{"train", config, "--threads", "4097"},
       "--threads: must be a whole number, 0 to 4096, got 4097; see"},
      {{"generate", "r", "--top-k", "many"}, "--top-k must be a number, got many; see"},
      {{"export", "r", "--output", "o", "--to", "hugingface"},
       "--to: must be one of huggingface, gguf, got hugingface; did you mean huggingface?; see"},
      {{"plan", config, "--log-level", "loud"},
       "--log-level: must be one of debug, info, warn, error, off, got loud; see"},
      {{"audit", config, "--lengths", "x"}, "--lengths must be like 64,128,256"}};
  for (const auto& [words, error] : cases) check_error(tiny.run(words), 2, {error});
}

TEST_CASE(
    "a file or a folder of another kind is called what it is, and by the verb that takes it") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const std::string config = tiny.config().string(), run = tiny.path("run").string(),
                    sweep = tiny.path("sweep.yaml").string();
  write_file_durably(sweep, "name: s\nbase: tiny.yaml\ngrid: {seed: [1]}\n");
  for (const auto* verb : {"prepare", "train", "plan", "bench", "audit", "verify-resume"}) {
    INFO(verb);
    check_error(tiny.run({verb, sweep}), 2,
                {sweep + ": must be the configuration of a run, found base and grid",
                 "which longspan sweep takes"});
  }
  for (const auto* verb : {"prepare", "train", "plan", "bench", "verify-resume"})
    check_error(tiny.run({verb, run}), 2,
                {run + ": must be the configuration file of a run, found a folder",
                 "its configuration is " + run + "/config.yaml"});
  for (const auto* verb : {"evaluate", "attention", "generate", "report", "inspect"}) {
    INFO(verb);
    check_error(tiny.run({verb, sweep}), 2, {sweep, "found a", "which longspan sweep takes"});
    check_error(tiny.run({verb, config}), 2, {config, "found a", "which longspan train takes"});
  }
  check_error(tiny.run({"sweep", config}), 2,
              {config + ": must be a sweep's file, with base and grid, found neither",
               "which longspan train takes"});
  for (const std::string evaluate : {"lengths: x", "modes: [sliding]"}) {
    write_file_durably(
        sweep, "name: s\nbase: tiny.yaml\ngrid: {seed: [1]}\nevaluate: {" + evaluate + "}\n");
    check_error(
        tiny.run({"sweep", sweep, "--dry-run"}), 2,
        {"sweep.yaml:4:", ": evaluate." + evaluate.substr(0, evaluate.find(':')) + " must be "});
  }
}

TEST_CASE("settings of an evaluation are told as they were typed, and refused without effect") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const std::string run = tiny.path("run").string();
  const auto with = [&](const char* verb, const std::string& option, const std::string& value) {
    return tiny.run({verb, run, option, value});
  };
  for (const auto* verb : {"evaluate", "attention"}) {
    check_error(with(verb, "--position", "kind=rotary"), 2,
                {"--position must leave the kind that the weights were trained with, got "
                 "kind=rotary; train a run of the other kind"});
    check_error(with(verb, "--set", "position.kind=rotary"), 2,
                {"--set must leave the kind", "got position.kind=rotary"});
    check_error(with(verb, "--position", "windo=16"), 2,
                {"--position windo=16: unknown key position.windo; did you mean window?"});
    check_error(with(verb, "--position", "window=wide"), 2,
                {"--position window=wide: position.window must be a decimal integer"});
    check_error(
        with(verb, "--set", "train.max_steps=5"), 2,
        {concat("--set must name a key that ", verb, " reads, one of name, model, position"),
         "got train.max_steps=5; leave it out"});
    check_error(with(verb, "--set", "=--position window=4"), 2, {"--set must"});
    check_error(with(verb, "--split", "vlaid"), 3,
                {"--split must be train, valid or a text (a file or a folder), there is no vlaid; "
                 "did you mean valid?"});
    check_error(with(verb, "--lengths", "x"), 2, {"--lengths must be like 64,128,256"});
  }
  check_error(with("evaluate", "--mode", "sliding"), 2,
              {"--mode must be nonoverlapping or stride:S with S >= 1, got sliding"});
  check_error(with("evaluate", "--mode", "stride:64"), 2,
              {"--mode stride:S must be at most every one of --lengths, got stride:64 at length "});
  check_error(with("generate", "--set", "optimizer.kind=sgd"), 2,
              {"--set must name a key that generate reads", "got optimizer.kind=sgd"});
}

TEST_CASE("a model that cannot be exported is named, and so is an output that cannot be written") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const std::string run = tiny.path("run").string();
  for (const auto* format : {"huggingface", "gguf"})
    check_error(tiny.run({"export", run, "--to", format, "--output", tiny.path("e").string()}), 2,
                {run + "/checkpoints/step-000000020: the model must be one that transformers has"});
  // Nobody can make a file there, root neither.
  const auto page = tiny.run({"report", run, "--output", "/proc/page.html"});
  check_error(page, 3, {"/proc/page.html must be writable"});
  CHECK_THAT(page.err, !ContainsSubstring(".tmp"));
  check_error(tiny.run({"evaluate", run, "--output", "/proc/e"}), 3, {"/proc/e: cannot make"});
  check_error(tiny.run({"train", tiny.config().string(), "--run", "/proc/r"}), 3,
              {"/proc/r: cannot make the folder"});
}

// A folder that is gone while one is in it; back in the former one at the end.
class DeletedWorkingFolder {
 public:
  explicit DeletedWorkingFolder(const std::filesystem::path& path) {
    std::filesystem::create_directory(path);
    std::filesystem::current_path(path);
    std::filesystem::remove(path);
  }
  ~DeletedWorkingFolder() { std::filesystem::current_path(before_); }

 private:
  std::filesystem::path before_ = std::filesystem::current_path();
};

TEST_CASE("a working folder that was deleted is an error of data in every verb") {
  const TinyRun tiny;
  const DeletedWorkingFolder here(tiny.path("deleted"));
  const auto config = tiny.config().string();
  for (const auto* verb : {"--version", "prepare", "train", "evaluate", "sweep", "report", "plan",
                           "attention", "audit", "inspect", "import", "verify-resume"}) {
    INFO(verb);
    check_error(tiny.run({verb, config}), 3, {"the working folder must be there"});
  }
  check_error(tiny.run({}), 3, {"the working folder must be there"});
}

TEST_CASE("a path that the system refuses is an error of data, or of a checkpoint, in every verb") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run").code == 0);
  const std::string config = tiny.config().string(), run = tiny.path("run").string();
  const auto loop = tiny.path("loop");
  std::filesystem::create_symlink(loop, loop);
  write_file_durably(tiny.path("sweep.yaml"),
                     "name: s\nbase: tiny.yaml\ngrid: {seed: [1]}\nevaluate: {lengths: '16'}\n");
  const std::vector<std::pair<std::string, std::string>> refusals{
      {loop.string(), "Too many levels of symbolic links"},
      {tiny.path(std::string(300, 'n')).string(), "File name too long"}};
  using Words = std::vector<std::string>;
  for (const auto& [path, reason] : refusals) {
    const std::vector<std::pair<int, Words>> cases{
        {3, {"prepare", path}},
        {3, {"train", path}},
        {3, {"sweep", path}},
        {3, {"plan", path}},
        {3, {"audit", path}},
        {3, {"attention", path}},
        {4, {"attention", run, "--checkpoint", path}},
        {3, {"verify-resume", path}},
        {3, {"evaluate", path}},
        {3, {"report", path, "--output", tiny.path("r.html").string()}},
        {3, {"inspect", path}},
        {3, {"import", "--from", "huggingface", path, "--output", tiny.path("i").string()}},
        {3, {"train", config, "--run", path}},
        {4, {"train", config, "--run", tiny.path("r").string(), "--resume", path}},
        {3, {"evaluate", run, "--output", path}},
        {3, {"evaluate", run, "--split", path}},
        {4, {"evaluate", run, "--checkpoint", path}},
        {3, {"report", run, "--output", path + "/r.html"}},
        {3, {"sweep", tiny.path("sweep.yaml").string(), "--output", path}},
        {3, {"verify-resume", config, "--run", path}},
        {3, {"prepare", config, "--set", "data.shards=" + path + "/s"}},
        {3,
         {"prepare", config, "--set", "data.train=" + path, "--set",
          "data.shards=" + tiny.path("s").string()}}};
    for (const auto& [code, words] : cases) {
      INFO(Json(words).dump());
      check_error(tiny.run(words), code, {path, reason});
    }
  }
}

TEST_CASE("configuration errors name file, place and key") {
  const TinyRun tiny;
  struct Case {
    std::string set;
    std::vector<std::string> parts;
  };
  const std::vector<Case> cases{
      {"model.num_head=2", {"model.num_head", "num_heads"}},
      {"model.num_heads=3", {"model.num_heads must divide model.d_model (32), got 3"}},
      {"model.d_model=wide", {"model.d_model", "wide"}},
      {"model.num_layers=0", {"model.num_layers", "0"}},
      {"optimizer.momentum=0.9", {"optimizer.momentum"}},
      {"position.kind=alibbi", {"position.kind", "alibi"}},
      {"data.order=random", {"data.order", "shuffled"}},
      {"train.batch_tokens=100", {"train.batch_tokens", "16", "100"}},
      {"train.max_steps=0", {"max_steps"}},
      {"checkpoint.keep_best=valid/los", {"checkpoint.keep_best", "valid/loss"}},
      {"train.precision=fp8", {"train.precision", "fp8"}},
      {"schedule.peak_lr=.inf", {"schedule.peak_lr"}},
  };
  for (const auto& one : cases) {
    INFO(one.set);
    check_error(tiny.train("run", {"--set", one.set}), 2, one.parts);
    CHECK_FALSE(std::filesystem::exists(tiny.path("run")));
  }
  const std::string text = read_file(tiny.config());
  write_file_durably(tiny.config(), text + "seed: 8\n");
  check_error(tiny.train("run"), 2, {"tiny.yaml:", "seed is given twice"});
  write_file_durably(tiny.config(),
                     text.substr(0, text.find("position:")) + text.substr(text.find("data:")));
  check_error(tiny.train("run"), 2, {"position"});
}

TEST_CASE("a sweep whose name leads elsewhere, or of more runs than there can be") {
  const TinyRun tiny;
  const auto sweep = [&](const std::string& name, const std::string& grid) {
    write_file_durably(tiny.path("sweep.yaml"),
                       "name: " + name + "\nbase: tiny.yaml\ngrid: {" + grid + "}\n");
    return tiny.run({"sweep", tiny.path("sweep.yaml").string(), "--dry-run"});
  };
  for (const std::string name : {"../x", "/x", "..", "\"\"", "a/b"})
    check_error(sweep(name, "seed: [1]"), 2,
                {"sweep.yaml:1:7: name must be a folder's name, got '"});
  const std::string values = ": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]";
  std::string grid;
  for (const char key : std::string("abcdefgh"))
    grid += (grid.empty() ? "" : ", ") + (key + values);
  check_error(sweep("many", grid), 2,
              {"grid.d must make at most 10000 runs with the keys before it, got 4096 times 16"});
}

TEST_CASE("text that is missing, empty, a folder or not UTF-8") {
  const TinyRun tiny;
  const auto with_text = [&](const std::string& name) {
    return tiny.train("run", {"--set", "data.train=" + tiny.path(name).string()});
  };
  check_error(with_text("absent.txt"), 3, {"absent.txt"});
  write_file_durably(tiny.path("empty.txt"), "");
  check_error(with_text("empty.txt"), 3, {"empty.txt"});
  write_file_durably(tiny.path("latin.txt"), "a good line\na caf\xe9 line\n");
  check_error(with_text("latin.txt"), 3, {"latin.txt", "UTF-8", "2"});
  make_folder(tiny.path("folder.txt"));
  check_error(with_text("folder.txt"), 3, {"folder.txt"});
  CHECK_FALSE(std::filesystem::exists(tiny.path("shards/manifest.json")));
}

TEST_CASE("shards of another tokenizer, and a truncated shard") {
  const TinyRun tiny;
  REQUIRE(tiny.run({"prepare", tiny.config().string()}).code == 0);
  check_error(tiny.train("run", {"--set", "data.tokenizer={kind: bytes}"}), 3,
              {"shards", "tokenizer"});
  std::filesystem::path shard;
  for (const auto& entry : std::filesystem::directory_iterator(tiny.path("shards")))
    if (entry.path().filename().string().starts_with("train") && entry.is_regular_file())
      shard = entry.path();
  REQUIRE_FALSE(shard.empty());
  std::filesystem::resize_file(shard, std::filesystem::file_size(shard) - 10);
  check_error(tiny.train("run"), 3, {shard.filename().string()});
}

TEST_CASE("a dictionary that is not that of the shards, or none at all") {
  const TinyRun tiny;
  REQUIRE(tiny.run({"prepare", tiny.config().string()}).code == 0);
  const std::string text = read_file(tiny.path("shards/tokenizer/dict.txt"));
  const auto prepare_with = [&](const std::string& shards, const std::string& dictionary) {
    return tiny.run({"prepare", tiny.config().string(), "--set",
                     "data.shards=" + tiny.path(shards).string(), "--set",
                     "data.tokenizer.dictionary=" + tiny.path(dictionary).string()});
  };
  write_file_durably(tiny.path("dict.txt"), text);
  write_file_durably(tiny.path("other.txt"), text.substr(text.find('\n') + 1));
  write_file_durably(tiny.path("words.txt"), "the\nof\n");
  check_error(prepare_with("shards", "dict.txt"), 3,
              {tiny.path("shards").string(), "data.tokenizer.dictionary was not set"});
  REQUIRE(prepare_with("dictionary-shards", "dict.txt").code == 0);
  const std::string manifest = read_file(tiny.path("dictionary-shards/manifest.json"));
  check_error(prepare_with("dictionary-shards", "other.txt"), 3,
              {tiny.path("dictionary-shards").string(),
               "data.tokenizer.dictionary had another content than", "other.txt",
               "name another data.shards"});
  check_error(prepare_with("dictionary-shards", "words.txt"), 3,
              {"words.txt:1: a line must be a word, a space and a count, got 'the'"});
  check_error(prepare_with("dictionary-shards", "absent.txt"), 3,
              {"data.tokenizer.dictionary must be readable", "absent.txt"});
  CHECK(read_file(tiny.path("dictionary-shards/manifest.json")) == manifest);
}

TEST_CASE("a text that is not the published corpus it is said to be: one warning, no error") {
  const TinyRun tiny;
  const std::string expect = "data.expect=wikitext-103";
  const auto prepared = tiny.run({"prepare", tiny.config().string(), "--set", expect});
  CHECK(prepared.code == 0);
  const std::string& log = prepared.err;
  const std::size_t at = log.find(
      "data.expect: the data is not the published wikitext-103: train must have 1801350 lines, "
      "found ");
  REQUIRE(at != std::string::npos);
  const std::string line = log.substr(at, log.find('\n', at) - at);
  for (const auto* part : {"train must have 103227021 tokens, found ", "valid must have 217646 ",
                           "the vocabulary must have 267744 ids, found "})
    CHECK_THAT(line, ContainsSubstring(part));
  CHECK(log.find("data.expect", at + 1) == std::string::npos);
  CHECK_THAT(tiny.run({"prepare", tiny.config().string()}).err, !ContainsSubstring("data.expect"));
  check_error(tiny.run({"prepare", tiny.config().string(), "--set", "data.expect=wikitext103"}), 2,
              {"data.expect", "wikitext103", "wikitext-103"});
}

TEST_CASE("adaptive cutoffs past the vocabulary") {
  const TinyRun tiny;
  REQUIRE(tiny.run({"prepare", tiny.config().string()}).code == 0);
  const std::string embedding =
      "model.embedding={kind: adaptive, cutoffs: [100, 60000], factor: 2}";
  const std::vector<std::string> parts{"model.embedding.cutoffs", "below", "got 60000"};
  check_error(tiny.train("run", {"--set", embedding}), 2, parts);
  check_error(tiny.run({"plan", tiny.config().string(), "--set", embedding}), 2, parts);
}

TEST_CASE("lengths past a table of positions are found before training") {
  const TinyRun tiny;
  check_error(tiny.train("run", {"--set", "position={kind: learned, max_positions: 8}"}), 2,
              {"position.max_positions must be at least data.seq_len (16), got 8"});
  check_error(
      tiny.train("run", {"--set", "position.kind=learned", "--set", "validate.lengths=[16, 32]"}),
      2, {"validate.lengths must not exceed the 16 positions that learned can tell apart, got 32"});
  CHECK_FALSE(std::filesystem::exists(tiny.path("run")));
}

TEST_CASE("a start that is not of the model") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "train.max_steps=1"}).code == 0);
  const auto latest = tiny.path("run/checkpoints/step-000000001/model.safetensors");
  const auto start = tiny.path("start.safetensors");
  const auto train_from = [&](const NamedTensors& tensors) {
    write_safetensors(start, tensors);
    return tiny.train("other", {"--set", "model.init={from: " + start.string() + "}", "--set",
                                "train.max_steps=1"});
  };
  const NamedTensors whole = read_safetensors(latest);
  const std::string name = "layers.0.ffn.fc1.weight", place = "model.init.from " + start.string();
  const auto index =
      static_cast<std::size_t>(std::ranges::find(whole, name, &NamedTensor::name) - whole.begin());
  REQUIRE(index < whole.size());
  auto changed = whole;
  changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(index));
  check_error(train_from(changed), 4, {place + " must have a tensor " + name + " [48, 32]"});
  changed = whole;
  changed.push_back({"layers.1.surplus", whole[index].tensor});
  check_error(train_from(changed), 4,
              {place + " must have no tensors beyond the model's, got layers.1.surplus"});
  changed = whole;
  changed[index].tensor = whole[index].tensor.t().contiguous();
  check_error(train_from(changed), 4,
              {"tensor " + name + " of " + place + " must have the shape [48, 32], got [32, 48]"});
  CHECK_FALSE(std::filesystem::exists(tiny.path("other/checkpoints")));
  check_error(tiny.train("other", {"--set", "model.init={from: absent.safetensors}"}), 4,
              {"absent.safetensors", "No such file"});
  CHECK(train_from(whole).code == 0);
}

TEST_CASE("a run folder that cannot be made, and one in use") {
  const TinyRun tiny;
  write_file_durably(tiny.path("file"), "x");
  check_error(tiny.train("file/run"), 3, {"file", "--run"});
}

TEST_CASE("checkpoints of another model, damaged ones, and lengths a method cannot do") {
  const TinyRun tiny;
  REQUIRE(tiny.train("run", {"--set", "position.kind=learned", "--set",
                             "validate.extrapolation_lengths=[]"})
              .code == 0);
  check_error(tiny.train("run", {"--set", "model.ffn_dim=64", "--set", "train.max_steps=30",
                                 "--allow-change", "model", "--allow-change", "position"}),
              4, {"layers.0.ffn.fc1"});
  check_error(tiny.run({"evaluate", tiny.path("run").string(), "--lengths", "32"}), 2,
              {"32", "16", "learned"});
  check_error(tiny.run({"evaluate", tiny.path("shards").string()}), 2, {"config.yaml"});
  check_error(tiny.train("run", {"--resume", "never"}), 2, {"--resume never"});
  for (const auto& entry : std::filesystem::directory_iterator(tiny.path("run/checkpoints")))
    if (entry.is_directory()) {
      auto bytes = read_file(entry.path() / "model.safetensors");
      bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
      write_file_durably(entry.path() / "model.safetensors", bytes);
    }
  check_error(tiny.run({"evaluate", tiny.path("run").string()}), 4, {"model.safetensors"});
  check_error(tiny.train("run", {"--set", "train.max_steps=30"}), 4, {"checkpoint"});
}

TEST_CASE("training that diverges stops with 5 and names the step") {
  const TinyRun tiny;
  check_error(tiny.train("run", {"--set", "optimizer={kind: sgd, momentum: 0.0}", "--set",
                                 "schedule={kind: constant, peak_lr: 1.0e+30}"}),
              5, {"diverged at step", "there is no checkpoint to resume from"});
}

TEST_CASE("no space left: one line, the right code, nothing that looks whole") {
  const TinyRun tiny;
  const auto small = tiny.path("small");
  make_folder(small);
  if (mount("tmpfs", small.c_str(), "tmpfs", 0, "size=200k") != 0)
    SKIP("mounting a small tmpfs needs root");
  const auto saving = tiny.train("small/run", {"--set", "model.d_model=128"});
  const auto preparing = tiny.run({"prepare", tiny.config().string(), "--set",
                                   "data.shards=" + (small / "shards").string(), "--set",
                                   "data.train={synthetic: {seed: 1, num_articles: 400}}"});
  const bool shards_left = std::filesystem::exists(small / "shards/manifest.json");
  std::vector<std::string> checkpoints;
  if (std::filesystem::exists(small / "run/checkpoints"))
    for (const auto& entry : std::filesystem::directory_iterator(small / "run/checkpoints"))
      if (std::filesystem::exists(entry.path() / "manifest.json"))
        checkpoints.push_back(entry.path().string());
  umount(small.c_str());
  check_error(saving, 4, {"No space left on device"});
  check_error(preparing, 3, {"No space left on device"});
  CHECK(checkpoints.empty());
  CHECK_FALSE(shards_left);
}

}  // namespace
}  // namespace longspan
