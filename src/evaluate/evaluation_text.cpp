// The text of an evaluation: where it comes from, and what a window reads of it.

#include "evaluate/evaluation_text.h"

#include <utility>

#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/evaluate/results.h"

namespace longspan {

TextConfig text_file(const std::string& split) {
  TextConfig file;
  file.patterns = {split};
  return file;
}

EvaluationText open_evaluation_text(const std::string& split, const TrainedRun& run) {
  if (is_in_shards(split)) {
    const ShardFolder shards = ShardFolder::open(run.config.data.shards);
    check(shards.tokenizer().fingerprint() == run.tokenizer->fingerprint(), ErrorKind::Data,
          run.config.data.shards, " must hold shards of the run's tokenizer (",
          run.tokenizer->fingerprint(), "), got ", shards.tokenizer().fingerprint(),
          "; prepare the run's data again or name a text file with --split");
    return {shards.stream(split), shards.counts(split), run.tokenizer, split};
  }
  if (const auto tokens = token_file_named(split))
    return {
        open_token_files(*tokens, run.tokenizer->vocab_size()), {}, run.tokenizer, escaped(split)};
  TextCounts counts;
  TextConfig file = text_file(split);
  file.text_key = run.config.data.train.text_key;
  TokenStream stream = encode_text(file, *run.tokenizer, counts);
  return {std::move(stream), counts, run.tokenizer, escaped(split)};
}

void copy_inputs(const EvaluationText& text, const Window& window, std::int64_t* out) {
  std::int64_t begin = window.context_begin - 1;
  if (begin < 0) {
    *out++ = text.tokenizer->start_id();
    ++begin;
  }
  text.stream.copy(begin, window.end - 1 - begin, out);
}

}  // namespace longspan
