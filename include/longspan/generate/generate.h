#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "longspan/generate/sampling.h"
#include "longspan/model/transformer.h"

namespace longspan {

struct GenerationOptions {
  std::int64_t max_tokens = 100;  ///< of each sequence, behind its prompt
  SamplingOptions sampling;
  std::uint64_t seed = 1;
  at::ScalarType compute_dtype = at::kFloat;
};

/// Takes a token that a sequence goes on with. @return whether the sequence goes on behind it
using TakeToken = std::function<bool(std::size_t sequence, const Sampler::Choice& choice)>;

/// What a generation took.
struct GenerationCost {
  std::int64_t prompt_tokens = 0, tokens = 0;
  std::int64_t cache_bytes = 0;
};

/// Checks that a prompt and what is to follow have positions. @throws Error(Config) when they
/// exceed those that the method can tell apart
void check_generation_fits(const Transformer& model, std::int64_t prompt_tokens,
                           std::int64_t max_tokens);

/// Continues prompts, all at once, with a key-value cache. What is drawn for the n-th token of a
/// sequence is a function of (seed, number of the sequence, n): other prompts do not change it but
/// for the rounding of products of another shape. @param prompts ids, none of them empty
/// @throws Error(Config) as check_generation_fits()
GenerationCost generate(const Transformer& model,
                        std::span<const std::vector<std::int32_t>> prompts,
                        const GenerationOptions& options, const TakeToken& take);

}  // namespace longspan
