// Generation against a model that reads the whole sequence anew for every token.

#include "longspan/generate/generate.h"

#include <cmath>

#include "longspan/core/error.h"
#include "longspan/model/transformer.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using Ids = std::vector<std::int32_t>;

constexpr std::int64_t kVocabSize = 61, kTrainedLength = 16;

struct Shape {
  std::string position = "alibi";
  std::int64_t num_kv_heads = 4;
  bool adaptive = false;
};

Transformer make_model(const Shape& shape) {
  ModelConfig config;
  config.num_layers = 2;
  config.d_model = 32;
  config.num_heads = 4;
  config.num_kv_heads = shape.num_kv_heads;
  config.ffn_dim = 40;
  config.init = InitScheme::Fairseq;
  if (shape.adaptive) {
    config.embedding.kind = EmbeddingKind::Adaptive;
    config.embedding.cutoffs = {20, 40};
  }
  Transformer model(config,
                    make_position(default_position_options(shape.position),
                                  {config.d_model, config.num_heads, config.head_dim(),
                                   kTrainedLength, config.num_layers}),
                    kVocabSize);
  model.initialize(5);
  return model;
}

Ids prompt_of(std::int64_t size, std::int64_t first) {
  Ids ids;
  for (std::int64_t i = 0; i < size; ++i)
    ids.push_back(static_cast<std::int32_t>((first + 7 * i) % kVocabSize));
  return ids;
}

using Choices = std::vector<Sampler::Choice>;

// The continuations of prompts.
std::vector<Choices> chosen(const Transformer& model, const std::vector<Ids>& prompts,
                            const GenerationOptions& options) {
  std::vector<Choices> texts(prompts.size());
  generate(model, prompts, options, [&](std::size_t sequence, const Sampler::Choice& choice) {
    texts[sequence].push_back(choice);
    return true;
  });
  return texts;
}

Ids ids_of(const Choices& choices) {
  Ids ids;
  for (const Sampler::Choice& choice : choices) ids.push_back(choice.id);
  return ids;
}

std::vector<Ids> generated(const Transformer& model, const std::vector<Ids>& prompts,
                           const GenerationOptions& options) {
  std::vector<Ids> texts;
  for (const Choices& choices : chosen(model, prompts, options)) texts.push_back(ids_of(choices));
  return texts;
}

GenerationOptions greedy(std::int64_t max_tokens) {
  GenerationOptions options;
  options.max_tokens = max_tokens;
  options.sampling.temperature = 0;
  return options;
}

// The likeliest continuation, with every token read again for each.
Choices reread(const Transformer& model, Ids ids, std::int64_t max_tokens) {
  const at::NoGradGuard no_gradient;
  Choices choices;
  for (std::int64_t i = 0; i < max_tokens; ++i) {
    const auto input = at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end())).unsqueeze(0);
    const auto last = model.features(input, {}).select(1, input.size(1) - 1);
    const auto log_p_V = model.log_probabilities(last)[0];
    const auto likeliest = log_p_V.argmax().item<std::int64_t>();
    ids.push_back(static_cast<std::int32_t>(likeliest));
    choices.push_back({ids.back(), log_p_V[likeliest].item<double>()});
  }
  return choices;
}

// Says where two continuations differ. Log p of a few nats comes through two layers of sums of at
// most 40 products in float32, whose roundings add up to some 1e-6.
std::string difference(const Choices& found, const Choices& wanted) {
  if (found.size() != wanted.size()) return concat(found.size(), " tokens of ", wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i].id != wanted[i].id ||
        std::abs(found[i].log_probability - wanted[i].log_probability) > 1e-4)
      return concat("token ", i, " is ", found[i].id, " of log p ", found[i].log_probability,
                    ", not ", wanted[i].id, " of ", wanted[i].log_probability);
  return {};
}

TEST_CASE("every position method goes on as it does when it reads the whole sequence again") {
  for (const std::string& kind : position_kinds()) {
    INFO(kind);
    const auto model = make_model({.position = kind});
    const auto limit = model.position().max_positions();
    const std::int64_t longest = 3 * kTrainedLength;
    const std::int64_t tokens = limit ? std::min(*limit - 5, longest) : longest;
    const Ids prompt = prompt_of(5, 3);
    CHECK(difference(chosen(model, {prompt}, greedy(tokens)).front(),
                     reread(model, prompt, tokens)) == "");
  }
}

TEST_CASE("grouped heads and an adaptive vocabulary go on as when read again") {
  for (const Shape& shape :
       {Shape{.num_kv_heads = 1}, Shape{.num_kv_heads = 2}, Shape{.adaptive = true}}) {
    const auto model = make_model(shape);
    const Ids prompt = prompt_of(4, 9);
    CHECK(difference(chosen(model, {prompt}, greedy(30)).front(), reread(model, prompt, 30)) == "");
  }
}

TEST_CASE("prompts of several lengths go on together as each does alone") {
  const auto model = make_model({});
  const std::vector<Ids> prompts{prompt_of(9, 1), prompt_of(2, 4), prompt_of(17, 8)};
  const auto together = chosen(model, prompts, greedy(20));
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    INFO(i);
    CHECK(difference(together[i], reread(model, prompts[i], 20)) == "");
  }
}

TEST_CASE("a prompt longer than the pieces that it is read in goes on as when read at once") {
  const auto model = make_model({});
  const Ids prompt = prompt_of(1100, 2);
  CHECK(difference(chosen(model, {prompt}, greedy(3)).front(), reread(model, prompt, 3)) == "");
}

TEST_CASE("draws depend on the seed and the sequence, not on the prompts behind it") {
  const auto model = make_model({});
  GenerationOptions options;
  options.max_tokens = 25;
  const Ids prompt = prompt_of(6, 5);
  const auto one = generated(model, {prompt}, options);
  const auto three = generated(model, {prompt, prompt, prompt_of(3, 1)}, options);
  CHECK(one.front() == three.front());
  CHECK(three[0] != three[1]);
  CHECK(generated(model, {prompt}, options) == one);
  options.seed = 2;
  CHECK(generated(model, {prompt}, options) != one);
}

TEST_CASE("a sequence that ends leaves the others as they are") {
  const auto model = make_model({});
  const std::vector<Ids> prompts{prompt_of(3, 1), prompt_of(5, 4)};
  std::vector<Ids> texts(2);
  const auto cost =
      generate(model, prompts, greedy(12), [&](std::size_t row, const Sampler::Choice& choice) {
        texts[row].push_back(choice.id);
        return row != 0 || texts[row].size() < 4;
      });
  const auto whole = generated(model, prompts, greedy(12));
  CHECK(texts[0] == Ids(whole[0].begin(), whole[0].begin() + 4));
  CHECK(texts[1] == whole[1]);
  CHECK(cost.prompt_tokens == 8);
  CHECK(cost.tokens == 16);
}

TEST_CASE("the cache has room for the longest prompt and its tokens, and no more") {
  const auto model = make_model({.num_kv_heads = 2});
  const std::vector<Ids> prompts{prompt_of(3, 1), prompt_of(5, 4)};
  const auto cost =
      generate(model, prompts, greedy(7), [](std::size_t, const auto&) { return true; });
  const std::int64_t layers = 2, keys_and_values = 2, rows = 2, positions = 12, width = 2 * 8;
  CHECK(cost.cache_bytes == layers * keys_and_values * rows * positions * width * 4);
}

TEST_CASE("what does not fit the positions of a method is refused, what just fits is not") {
  const auto model = make_model({.position = "learned"});
  const std::int64_t limit = model.position().max_positions().value();
  // The last token is drawn and not read.
  CHECK(generated(model, {prompt_of(4, 0)}, greedy(limit - 3)).front().size() ==
        static_cast<std::size_t>(limit - 3));
  try {
    generated(model, {prompt_of(4, 0)}, greedy(limit - 2));
    FAIL("tokens past the last position were accepted");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::Config);
    CHECK_THAT(error.what(), ContainsSubstring(concat("must fit the ", limit, " positions")) &&
                                 ContainsSubstring("a prompt of 4 tokens"));
  }
}

TEST_CASE("in bfloat16 the weights are cast once, and tokens come") {
  const auto model = make_model({});
  GenerationOptions options = greedy(8);
  options.compute_dtype = at::kBFloat16;
  CHECK(generated(model, {prompt_of(4, 2), prompt_of(2, 1)}, options)[1].size() == 8);
}

}  // namespace
}  // namespace longspan
