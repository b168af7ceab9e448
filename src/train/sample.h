#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "longspan/model/transformer.h"
#include "longspan/run/run_config.h"
#include "longspan/tokenizer/tokenizer.h"

namespace longspan {

/// The text that a run generates at each validation.
class Sample {
 public:
  /// @throws Error(Config) when the prompt is no UTF-8, or prompt and tokens exceed the positions
  /// that the model's method can tell apart
  Sample(const RunConfig& config, const Transformer& model, const Tokenizer& tokenizer);

  /// Returns the prompt and what the model goes on with. The draws are a function of the run's
  /// seed, the same each time, and none of training's. @param should_stop asked between tokens
  std::string generate(const RunConfig& config, const Transformer& model,
                       const Tokenizer& tokenizer, const std::function<bool()>& should_stop) const;

 private:
  std::vector<std::int32_t> prompt_;
};

}  // namespace longspan
