// The text of an evaluation: where it comes from, and what a window reads of it.

#include "evaluate/evaluation_text.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "longspan/config/nearest.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/evaluate/results.h"

namespace longspan {

TextConfig text_file(const std::string& split) {
  TextConfig file;
  file.patterns = {split};
  return file;
}

namespace {

// A name that is none of a split, and leads nowhere.
[[noreturn]] void refuse_split(const std::string& split, const RunConfig& config) {
  std::vector<std::string> splits;
  if (ShardFolder::exists(config.data.shards))
    for (const std::string& each : ShardFolder::open(config.data.shards).splits())
      if (is_in_shards(each)) splits.push_back(each);
  const std::string near = config::nearest(split, splits);
  throw Error(ErrorKind::Data,
              concat("--split must be ", splits.empty() ? "valid, test" : config::join(splits),
                     " or a text (a file or a folder), there is no ", split,
                     config::is_near(split, near) ? concat("; did you mean ", near, "?") : ""));
}

}  // namespace

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
  std::error_code failure;
  if (!is_glob(split) && !std::filesystem::exists(split, failure) && !failure)
    refuse_split(split, run.config);
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
