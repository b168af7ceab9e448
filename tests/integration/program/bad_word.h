#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "longspan/run/run_config.h"
#include "support/tiny_run.h"

namespace longspan::testing {

/// A tiny run whose start values are right but for the embedding of one word, which spoils every
/// batch that it is in and no other.
class BadWord {
 public:
  using Steps = std::vector<std::int64_t>;

  /// Takes the first word whose steps, counted from 1 over one epoch's first 20, are such.
  explicit BadWord(const std::function<bool(const Steps&)>& are_wanted) {
    for (word_ = 0; word_ < vocab_size(); ++word_)
      if (are_wanted(steps())) return;
    throw Error(ErrorKind::Data, "no word of the tiny text has such steps");
  }

  const TinyRun& tiny() const { return tiny_; }
  /// Returns the steps whose batch, or a rank's share of it, has the word.
  Steps steps(BatchShare share = {}) const {
    Steps found;
    const TokenStream stream = data_.stream("train");
    BatchLoader loader(stream, make_run_plan(config_, stream.size()), config_.data.seq_len,
                       data_.tokenizer().start_id(), 0, share);
    for (std::int64_t step = 1; step <= 20; ++step)
      if (std::ranges::count(loader.next().batch.input_ids, word_) > 0) found.push_back(step);
    return found;
  }
  /// Trains from these values with `row` in the word's embedding.
  Finished train(const std::string& run, double row, std::vector<std::string> settings) const {
    const Transformer model = make_model(config_, vocab_size());
    NamedTensors start;
    for (const auto& [name, tensor] : model.parameters()) {
      start.push_back({name, tensor.detach().clone()});
      if (name == "embed.weight") start.back().tensor.select(0, word_).mul_(row);
    }
    write_safetensors(tiny_.path("start.safetensors"), start);
    settings.insert(settings.begin(),
                    concat("model.init={from: ", tiny_.path("start.safetensors").string(), "}"));
    settings.insert(settings.begin(),
                    {kUntied, kNoLastNorm, "schedule.period_steps=17", "log.every_steps=1"});
    std::vector<std::string> words;
    for (const auto& setting : settings)
      if (setting.starts_with("--"))
        for (const auto& word :
             {setting.substr(0, setting.find(' ')), setting.substr(setting.find(' ') + 1)})
          words.push_back(word);
      else
        words.insert(words.end(), {"--set", setting});
    return tiny_.train(run, words);
  }

 private:
  static constexpr const char* kUntied = "model.embedding={kind: plain, tie: false}";
  static constexpr const char* kNoLastNorm = "model.final_norm=false";  // which would hide sizes

  std::int64_t vocab_size() const { return data_.tokenizer().vocab_size(); }

  TinyRun tiny_;
  RunConfig config_ =
      read_run_config(config::Document::from_file(tiny_.config(), {kUntied, kNoLastNorm}));
  ShardFolder data_ = prepare_data(config_.data);
  std::int64_t word_ = 0;
};

}  // namespace longspan::testing
