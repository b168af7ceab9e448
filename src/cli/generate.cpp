// longspan generate RUN: continues texts.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>
#include <utility>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/memory_advice.h"
#include "cli/number_checks.h"
#include "cli/output.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/core/files.h"
#include "longspan/core/log.h"
#include "longspan/generate/generate_run.h"

namespace longspan::cli {
namespace {

constexpr std::string_view kAdvice =
    "generate fewer --max-tokens, or fewer prompts and --samples at once";

struct GenerateArguments {
  std::string run, checkpoint = "best", prompts_file;
  GenerationRequest request;
};

// Returns the lines of a file, or of standard input for "-".
std::vector<std::string> read_prompts(const std::string& path) {
  std::string text =
      path == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : read_file(path);
  std::vector<std::string> prompts;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    prompts.emplace_back(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  check(!prompts.empty(), ErrorKind::Config, "--prompts: ", path,
        " must have at least one line, found none");
  return prompts;
}

// A model may write what changes a terminal.
void write_text(std::string_view text) {
  write_result(::isatty(STDOUT_FILENO) == 1 ? escaped_lines(text) : std::string(text));
}

std::string texts_of(const Json& result) {
  std::string texts;
  const Json& sequences = result["sequences"];
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    texts += formatted("%s--- %zu of %zu ---\n", i == 0 ? "" : "\n", i + 1, sequences.size());
    texts += sequences[i]["prompt"].get<std::string>() + sequences[i]["text"].get<std::string>();
    texts += "\n";
  }
  return texts;
}

int generate_all(GenerateArguments& arguments, const CommonOptions& options) {
  GenerationRequest& request = arguments.request;
  if (!arguments.prompts_file.empty()) request.prompts = read_prompts(arguments.prompts_file);
  const bool one = request.prompts.size() <= 1 && request.samples == 1;
  check_is_no_file(arguments.run);
  check_settings_act(options.overrides, "generate",
                     {"name", "model", "position", "data.seq_len", "train.precision"});
  const SavedRun saved = find_run(arguments.run, arguments.checkpoint, options.overrides);
  const c10::Device device = use_device(options);
  bool begun = false;  // an error leaves nothing on standard output
  const auto begin = [&] {
    if (!std::exchange(begun, true) && !request.prompts.empty())
      write_text(request.prompts.front());
  };
  if (one && !options.json)
    request.show = [&](std::size_t, std::string_view text) {
      begin();
      write_text(text);
    };
  Json result;
  with_memory_advice(kAdvice, [&] { result = generate_with_run(saved, request, device); });
  if (options.json) {
    write_result(json_line(result));
  } else if (one) {
    begin();
    write_result("\n");
  } else {
    write_text(texts_of(result));
  }
  // Behind the text, which may go to the same terminal.
  log::info("generated", {{"prompt_tokens", result["prompt_tokens"].get<std::int64_t>()},
                          {"tokens", result["tokens"].get<std::int64_t>()},
                          {"tokens_per_second", result["tokens_per_second"].get<double>()},
                          {"cache_bytes", result["cache_bytes"].get<std::int64_t>()}});
  return kDone;
}

}  // namespace

void add_generate(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand("generate", "Continue texts with a run's model");
  auto arguments = std::make_shared<GenerateArguments>();
  GenerationRequest& request = arguments->request;
  SamplingOptions& sampling = request.options.sampling;
  verb->add_option("RUN", arguments->run, "Folder of a run")->required();
  auto* prompts =
      verb->add_option("--prompt", request.prompts,
                       "Text to continue; repeatable; default: none, a text from its beginning")
          ->expected(1)
          ->take_all();
  verb->add_option("--prompts", arguments->prompts_file,
                   "File with a prompt a line; - for standard input")
      ->excludes(prompts);
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  verb->add_option("--samples", request.samples, "Continuations of each prompt")
      ->check(whole_number(1, kMost))
      ->capture_default_str();
  verb->add_option("--max-tokens", request.options.max_tokens,
                   "Tokens to generate after each prompt")
      ->check(whole_number(1, kMost))
      ->capture_default_str();
  verb->add_option("--max-lines", request.max_lines,
                   "End a continuation after so many line breaks; 0: no limit")
      ->check(whole_number(0, kMost))
      ->capture_default_str();
  verb->add_option("--temperature", sampling.temperature,
                   "Divides the logits; 0: always the likeliest token")
      ->capture_default_str();
  verb->add_option("--top-k", sampling.top_k, "Draw from the k likeliest tokens; 0: from all")
      ->capture_default_str();
  verb->add_option(
          "--top-p", sampling.top_p,
          "Draw from the fewest likeliest tokens whose probabilities add up to p; 1: from all")
      ->capture_default_str();
  verb->add_option("--repetition-penalty", sampling.repetition_penalty,
                   "Multiplies log p of tokens that the text has already; 1: no penalty")
      ->capture_default_str();
  verb->add_option("--seed", request.options.seed, "Seed of the draws")
      ->check(number_from_zero())
      ->capture_default_str();
  verb->add_option("--checkpoint", arguments->checkpoint, "best, latest or a checkpoint's folder")
      ->capture_default_str();
  add_common_options(*verb, options, "the current folder");
  verb->callback([arguments, &options, &call] {
    apply(options);
    call.exit_code = generate_all(*arguments, options);
  });
}

}  // namespace longspan::cli
