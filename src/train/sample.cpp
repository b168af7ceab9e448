// What a run has learned, in words.

#include "train/sample.h"

#include "longspan/core/error.h"
#include "longspan/generate/generate.h"
#include "longspan/generate/generate_run.h"

namespace longspan {

Sample::Sample(const RunConfig& config, const Transformer& model, const Tokenizer& tokenizer) try
    : prompt_(encode_prompt(tokenizer, config.validate.sample.prompt)) {
  check_generation_fits(model, std::ssize(prompt_), config.validate.sample.max_tokens);
} catch (const Error& error) {
  throw Error(error.kind(), concat("validate.sample: ", error.what()));
}

std::string Sample::generate(const RunConfig& config, const Transformer& model,
                             const Tokenizer& tokenizer,
                             const std::function<bool()>& should_stop) const {
  GenerationOptions options;
  options.max_tokens = config.validate.sample.max_tokens;
  options.seed = config.seed;
  options.compute_dtype = config.compute_dtype();
  std::vector<std::int32_t> ids(prompt_.begin() + 1, prompt_.end());
  longspan::generate(model, {&prompt_, 1}, options,
                     [&](std::size_t, const Sampler::Choice& choice) {
                       if (tokenizer.reads_documents() && choice.id == tokenizer.start_id())
                         return false;
                       ids.push_back(choice.id);
                       return !should_stop();
                     });
  return tokenizer.decode(ids);
}

}  // namespace longspan
