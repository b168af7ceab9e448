#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "longspan/core/json.h"
#include "longspan/generate/generate.h"
#include "longspan/run/run.h"

namespace longspan {

/// What to generate with a run.
struct GenerationRequest {
  std::vector<std::string> prompts;  ///< none: from the start of a text
  std::int64_t samples = 1;          ///< of each prompt
  std::int64_t max_lines = 0;        ///< a sequence ends behind so many line breaks; 0: never
  GenerationOptions options;         ///< compute_dtype: the run's
  /// Called with each piece of text of a sequence as it comes; may be none.
  std::function<void(std::size_t sequence, std::string_view text)> show;
};

/// Returns the start of a text and the ids of a prompt, whose last line is not at its end; warns of
/// tokens that the tokenizer does not know. @throws Error(Config) for a prompt that is no UTF-8
std::vector<std::int32_t> encode_prompt(const Tokenizer& tokenizer, const std::string& prompt);

/// Continues each prompt. Sequences are numbered by prompt, and within a prompt by sample. Where a
/// tokenizer reads documents a sequence ends with its document.
/// @return {run, checkpoint_step, options, sequences, prompt_tokens, tokens, tokens_per_second,
/// cache_bytes}
/// @throws Error(Config), Error(Checkpoint)
Json generate_with_run(const SavedRun& saved, const GenerationRequest& request, c10::Device device);

}  // namespace longspan
