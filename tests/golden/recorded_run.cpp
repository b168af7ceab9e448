#include "golden/recorded_run.h"

#include <fstream>
#include <sstream>

#include "support/torch_catch.h"

namespace longspan::testing {
namespace {

std::string dropout_yaml(const Json& dropout) {
  if (!dropout.is_object()) return "{}";  // recorded as the number 0
  std::ostringstream yaml;
  yaml << "{embedding: " << dropout.at("dropout") << ", residual: " << dropout.at("dropout")
       << ", attention: " << dropout.at("attention") << ", activation: " << dropout.at("activation")
       << ", head: " << dropout.at("adaptive_softmax")
       << ", tail: " << dropout.at("adaptive_softmax") << "}";
  return yaml.str();
}

}  // namespace

bool write_cut(const Json& cut, const std::filesystem::path& path) {
  const auto text = find_text(cut.at("file"), cut.at("file_sha256"));
  if (!text) return false;
  std::ifstream in(*text, std::ios::binary);
  std::ofstream out(path, std::ios::binary);
  const std::int64_t first = cut.at("first"), last = cut.at("last");
  std::string line;
  for (std::int64_t number = 1; number <= last && std::getline(in, line); ++number)
    if (number >= first) out << line << '\n';
  out.close();
  CHECK(sha256_of_file(path) == cut.at("cut_sha256").get<std::string>());
  return true;
}

std::string run_yaml(const Json& model, const Json& training, std::int64_t seed,
                     const std::string& init) {
  const auto& schedule = training.at("schedule");
  const std::int64_t pass = training.at("max_tokens");
  std::string model_text = model_yaml(model);
  const std::string plain_init = "init: fairseq";
  model_text.replace(model_text.find(plain_init), plain_init.size(),
                     "init: " + init + "\n  dropout: " + dropout_yaml(model.at("dropout")));
  std::ostringstream yaml;
  yaml << "name: recorded\nseed: " << seed << "\n"
       << model_text << "data:\n  train: train.txt\n  valid: valid.txt\n"
       << "  tokenizer: {kind: word}\n  shards: shards\n  seq_len: " << training.at("L")
       << "\n  order: fairseq\noptimizer: {kind: nag, momentum: "
       << training.at("optimizer").at("momentum")
       << ", clip_norm: " << training.at("optimizer").at("clip_norm")
       << "}\nschedule: {kind: cosine, peak_lr: " << schedule.at("lr")
       << ", min_lr: " << schedule.at("min_lr") << ", warmup_steps: " << schedule.at("warmup")
       << ", warmup_init_lr: " << schedule.at("warmup_init_lr")
       << ", period_steps: " << schedule.at("period")
       << ", period_factor: " << schedule.at("t_mult") << ", shrink: " << schedule.at("shrink")
       << "}\ntrain: {max_steps: " << training.at("updates")
       << ", batch_tokens: " << pass * training.at("update_freq").get<std::int64_t>()
       << ", micro_batch_tokens: " << pass << "}\n"
       << "validate: {max_targets: 64}\ncheckpoint: {keep_last: 9, keep_best: \"\"}\n"
       << "log: {every_steps: 1, tensorboard: false}\n";
  return yaml.str();
}

Finished require_done(const std::vector<std::string>& arguments,
                      const std::filesystem::path& folder) {
  const auto finished = longspan_program(arguments, folder);
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  return finished;
}

double perplexity_of(const std::filesystem::path& run, std::int64_t length,
                     const std::string& mode) {
  const auto finished = require_done({"evaluate", run.string(), "--json", "--checkpoint", "latest",
                                      "--lengths", std::to_string(length), "--mode", mode},
                                     run.parent_path());
  return Json::parse(finished.out).at("cells").at(0).at("ppl");
}

}  // namespace longspan::testing
