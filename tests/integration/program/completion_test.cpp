// Completion of command lines, by the shells themselves, against the help that the program prints.

#include <algorithm>
#include <array>
#include <cstdio>
#include <regex>
#include <set>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using testing::TinyRun;
using Words = std::set<std::string>;

std::string output_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"),
                                                             ::pclose);
  REQUIRE(pipe);
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    output.append(buffer.data(), count);
  return output;
}

Words words_of(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  Words words;
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
    words.insert(at->str(1));
  return words;
}

/// A shell that has read the script.
class Bash {
 public:
  Bash() {
    const auto result = tiny_.run({"completion", "bash"});
    REQUIRE(result.code == 0);
    write_file_durably(tiny_.path("script"), result.out);
  }

  /// Returns what bash offers for the last of the words, as its own parser splits them.
  Words offers(const std::string& words) const {
    const std::string script = "source '" + tiny_.path("script").string() + "'; COMP_WORDS=(" +
                               words +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _longspan; "
                               "printf '%s\\n' \"${COMPREPLY[@]}\"";
    write_file_durably(tiny_.path("call"), script);
    return words_of(output_of("bash --norc '" + tiny_.path("call").string() + "' 2>&1"),
                    "([^\n]+)\n");
  }

  std::string help(const std::vector<std::string>& words) const { return tiny_.run(words).out; }

 private:
  TinyRun tiny_;
};

TEST_CASE("completion: bash offers every verb and every option of the help") {
  const Bash bash;
  const std::string help = bash.help({"--help"});
  Words verbs = words_of(help.substr(help.find("ubcommands:")), "\n  ([a-z-]+) ");
  REQUIRE(verbs.size() >= 15);
  Words first = verbs;
  first.insert({"--help", "--version"});
  CHECK(bash.offers("longspan ''") == first);
  CHECK(bash.offers("longspan ev") == Words{"evaluate"});
  for (const auto& verb : verbs) {
    CAPTURE(verb);
    const Words options = words_of(bash.help({verb, "--help"}), "\n  (?:-[a-z], *)?(--[a-z-]+)");
    REQUIRE(options.size() >= 6);
    CHECK(bash.offers("longspan " + verb + " --") == options);
  }
}

TEST_CASE("completion: bash offers the values of options, keys and arguments that name them") {
  const Bash bash;
  CHECK(bash.offers("longspan import --from ''") == Words{"fairseq", "huggingface"});
  CHECK(bash.offers("longspan import --from = fa") == Words{"fairseq"});
  CHECK(bash.offers("longspan completion ''") == Words{"bash", "fish", "zsh"});
  CHECK(bash.offers("longspan train c.yaml --set schedule.warm") ==
        Words{"schedule.warmup_init_lr=", "schedule.warmup_steps="});
  CHECK(bash.offers("longspan train c.yaml --set train.precision = ''") ==
        Words{"bf16", "fp16", "fp32"});
  CHECK(bash.offers("longspan train c.yaml --set model.bias =") == Words{"false", "true"});
  CHECK(bash.offers("longspan train --run ''").empty());  // bash itself offers files then
  CHECK(bash.offers("longspan train ''").empty());
}

TEST_CASE("completion: zsh takes the script, where there is one") {
  if (std::system("zsh --version >/dev/null 2>&1") != 0) SKIP("there is no zsh");
  const TinyRun tiny;
  write_file_durably(tiny.path("_longspan"), tiny.run({"completion", "zsh"}).out);
  CHECK(output_of("zsh -fn '" + tiny.path("_longspan").string() + "' 2>&1") == "");
}

TEST_CASE("completion: fish offers verbs, options and their values, where there is one") {
  if (std::system("fish --version >/dev/null 2>&1") != 0) SKIP("there is no fish");
  const TinyRun tiny;
  write_file_durably(tiny.path("script"), tiny.run({"completion", "fish"}).out);
  const auto offers = [&](const std::string& line) {
    write_file_durably(tiny.path("call"), "source '" + tiny.path("script").string() +
                                              "'\ncomplete -C 'longspan " + line + "'\n");
    return words_of(output_of("HOME='" + tiny.path(".").string() + "' fish --no-config '" +
                              tiny.path("call").string() + "' 2>&1"),
                    "([^\n\t]+)[^\n]*\n");
  };
  CHECK(offers("ev") == Words{"evaluate"});
  CHECK(offers("import --from ") == Words{"fairseq", "huggingface"});
  CHECK(offers("schema s") == Words{"sweep"});
  CHECK(offers("inspect --d") == Words{"--device", "--diff"});
  CHECK(offers("train c.yaml --set schedule.warm") ==
        Words{"schedule.warmup_init_lr=", "schedule.warmup_steps="});
  CHECK(offers("train c.yaml --set train.precision=") ==
        Words{"train.precision=bf16", "train.precision=fp16", "train.precision=fp32"});
}

}  // namespace
}  // namespace longspan
