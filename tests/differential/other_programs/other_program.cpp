#include "differential/other_programs/other_program.h"

#include <ATen/ops/randint.h>

#include <cstdio>
#include <cstdlib>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/files.h"
#include "support/paths.h"
#include "support/temporary_folder.h"

namespace longspan::testing {
namespace {

namespace fs = std::filesystem;

Ids ids_of(const at::Tensor& tensor) {
  const at::Tensor ids = tensor.to(at::kInt).contiguous();
  const auto* begin = ids.const_data_ptr<std::int32_t>();
  return {begin, begin + ids.numel()};
}

// The file whose name is a folder's with an ending.
fs::path beside(fs::path path, const char* ending) { return path += ending; }

Ids greedy(const Transformer& model, const Ids& prompt) {
  Ids ids;
  GenerationOptions options;
  options.max_tokens = kNewTokens;
  options.sampling.temperature = 0;
  generate(model, std::vector<Ids>{prompt}, options,
           [&](std::size_t, const Sampler::Choice& choice) {
             ids.push_back(choice.id);
             return true;
           });
  return ids;
}

Json nested(const at::Tensor& ids_BT) {
  Json rows = Json::array();
  for (std::int64_t row = 0; row < ids_BT.size(0); ++row)
    for (std::int64_t i = 0; i < ids_BT.size(1); ++i)
      rows[static_cast<std::size_t>(row)].push_back(ids_BT[row][i].item<std::int64_t>());
  return rows;
}

}  // namespace

std::string python_with(const std::string& packages) {
  const char* const name = std::getenv("PYTHON");
  if (name == nullptr || *name == '\0') SKIP("PYTHON must name a python with " + packages);
  if (std::system(concat("'", name, "' -c 'import ", packages, "' 2>/dev/null").c_str()) != 0)
    SKIP(concat(name, " must have the packages ", packages));
  return name;
}

void run_program(const std::string& name, const std::vector<fs::path>& arguments) {
  const TemporaryFolder work;
  const auto program = source_folder() / "tests/differential/other_programs" / name,
             log = work.path() / "log";
  std::string command = concat("'", std::getenv("PYTHON"), "' '", program.string(), "'");
  for (const fs::path& argument : arguments) command += concat(" '", argument.string(), "'");
  const int status = std::system(concat(command, " >'", log.string(), "' 2>&1").c_str());
  INFO(read_file(log));
  REQUIRE(status == 0);
}

void ask(const std::string& program, const std::vector<Comparison>& comparisons,
         std::int64_t vocab_size) {
  std::vector<fs::path> paths;
  for (const Comparison& comparison : comparisons) {
    const at::Tensor ids_BT = at::randint(vocab_size, {2, 13}, at::TensorOptions(at::kLong));
    Json request{{"ids", nested(ids_BT)},
                 {"prompt", {1, 4, 2, 7, 5}},
                 {"max_new_tokens", kNewTokens},
                 {"texts", comparison.texts}};
    // transformers makes the biases of so many positions only.
    if (comparison.model_type == "mpt") request["options"] = {{"max_seq_len", 256}};
    write_json(beside(comparison.exported, ".request.json"), request);
    paths.push_back(comparison.exported);
  }
  run_program(program, paths);
}

Answer::Answer(const fs::path& exported)
    : answer_(read_safetensors(beside(exported, ".answer.safetensors"))) {}

at::Tensor Answer::operator[](const std::string& name) const {
  for (const auto& one : answer_)
    if (one.name == name) return one.tensor;
  FAIL("there is no " << name);
  return {};
}

Ids Answer::ids(const std::string& name) const { return ids_of((*this)[name]); }

std::string Answer::text(const std::string& name) const {
  const at::Tensor tensor = (*this)[name].contiguous();
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

void check_equal(const Transformer& model, const std::string& name, const Answer& theirs,
                 double limit) {
  const at::NoGradGuard no_gradient;
  const auto ours = model.log_probabilities(model.features(theirs["ids"], {}).flatten(0, 1)),
             expected = theirs["logits"].flatten(0, 1).log_softmax(-1);
  const double error =
      (ours - expected).abs().max().item<double>() / expected.abs().max().item<double>();
  const Ids continuation = theirs.ids("continuation");
  const bool same = greedy(model, theirs.ids("prompt")) == continuation;
  std::printf("%-52s logits %.1e relative, %zu greedy tokens %s\n", name.c_str(), error,
              continuation.size(), same ? "equal" : "DIFFERENT");
  std::fflush(stdout);
  CHECK(error <= limit);
  CHECK(same);
}

std::unique_ptr<Tokenizer> no_tokenizer(std::int64_t vocab_size) {
  TokenizerConfig config;
  config.kind = TokenizerKind::Ids;
  config.vocab_size = vocab_size;
  return build_tokenizer(config, {});
}

Shape with(Shape shape, const std::string& model, const std::string& position,
           const std::string& embedding) {
  shape.model = model;
  if (!position.empty()) shape.position = position;
  if (!embedding.empty()) shape.embedding = embedding;
  return shape;
}

}  // namespace longspan::testing
