// longspan completion SHELL: a script that completes command lines, made from the tables that the
// help is made from and from the keys that configurations have.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "cli/choice_check.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "longspan/config/schema.h"
#include "longspan/core/error.h"
#include "longspan/run/config_schema.h"

namespace longspan::cli {
namespace {

using Words = std::vector<std::string>;

struct Argument {
  Words names;  // of an option; empty for a positional one
  std::string value_name, description;
  Words choices;
  bool has_value = false, repeatable = false;
};

struct VerbArguments {
  std::string name, description;
  std::vector<Argument> arguments;
};

std::string joined(const Words& words, const char* between = " ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// CLI11 keeps the names of one_of() in the type alone: "TEXT:{ring,tree}".
Words choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.rfind('{'), end = type.rfind('}');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  Words choices(1);
  for (const char c : type.substr(begin + 1, end - begin - 1))
    if (c == ',')
      choices.emplace_back();
    else
      choices.back() += c;
  return choices;
}

Argument argument_of(const CLI::Option& option) {
  Argument argument;
  argument.has_value = option.get_items_expected_max() > 0;
  argument.repeatable = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll ||
                        option.get_items_expected_max() > 1;
  argument.description = option.get_description();
  argument.choices = choices_of(option);
  argument.value_name = option.get_positional() ? option.get_single_name() : "value";
  for (const std::string& name : option.get_snames()) argument.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) argument.names.push_back("--" + name);
  return argument;
}

std::vector<VerbArguments> all_verbs() {
  CLI::App app;
  Call call;
  add_verbs(app, call);
  std::vector<VerbArguments> verbs;
  for (const CLI::App* verb : app.get_subcommands({})) {
    verbs.push_back({verb->get_name(), verb->get_description(), {}});
    for (const CLI::Option* option : verb->get_options())
      verbs.back().arguments.push_back(argument_of(*option));
  }
  return verbs;
}

// A key of a configuration and the values that it may have; none where they are not named.
struct ConfigKey {
  std::string name;
  Words values;
};

std::vector<ConfigKey> config_keys() {
  const Json schema = run_config_schema();
  std::vector<ConfigKey> keys;
  for (const std::string& leaf : config::leaves_of_schema(schema)) {
    std::string pointer = "/properties/" + leaf;
    for (std::size_t at; (at = pointer.find('.')) != std::string::npos;)
      pointer.replace(at, 1, "/properties/");
    const Json& value = schema.at(Json::json_pointer(pointer));
    ConfigKey key{leaf, {}};
    if (value.value("type", Json()) == "boolean") key.values = {"true", "false"};
    if (value.contains("enum"))
      for (const Json& name : value.at("enum")) key.values.push_back(name.get<std::string>());
    keys.push_back(std::move(key));
  }
  return keys;
}

std::string shell_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// A branch of a case: what stands before the word that is completed, and what that may be.
std::string bash_branch(const std::string& pattern, const Words& words) {
  return concat("    ", pattern, ") words=", shell_quoted(joined(words)), " ;;\n");
}

std::string bash_verb(const VerbArguments& verb) {
  Words options, first;
  std::string text;
  for (const Argument& argument : verb.arguments) {
    options.insert(options.end(), argument.names.begin(), argument.names.end());
    if (argument.names.empty() && first.empty()) first = argument.choices;
    if (!argument.has_value || argument.names.empty() || argument.names.front() == "--set")
      continue;
    Words patterns;
    for (const std::string& name : argument.names)
      patterns.push_back(shell_quoted(verb.name + " " + name));
    text += bash_branch(joined(patterns, "|"), argument.choices);
  }
  text += concat("    ", shell_quoted(verb.name + " "),
                 "*)\n      [[ $word == -* ]] && words=", shell_quoted(joined(options)), "\n");
  if (!first.empty())
    text += concat("      ((COMP_CWORD == 2)) && [[ $word != -* ]] && words=",
                   shell_quoted(joined(first)), "\n");
  return text + "      ;;\n";
}

// Without words bash completes names of files.
std::string bash_script(const std::vector<VerbArguments>& verbs,
                        const std::vector<ConfigKey>& keys) {
  Words names, key_names;
  std::string branches, values;
  for (const VerbArguments& verb : verbs) {
    names.push_back(verb.name);
    branches += bash_verb(verb);
  }
  for (const ConfigKey& key : keys) {
    key_names.push_back(key.name + "=");
    if (!key.values.empty()) values += bash_branch(shell_quoted(key.name), key.values);
  }
  return concat(R"(# Completes command lines of longspan in bash: source <(longspan completion bash)
_longspan() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ')",
                joined(names), R"( --help --version' -- "$word"))
    return
  fi
  # bash takes = for a word
  if [[ $word == = ]]; then
    word=''
  elif [[ $before == = ]]; then
    before=${COMP_WORDS[COMP_CWORD-2]}
  fi
  case $before in
)",
                values, R"(    --set)
      words=')",
                joined(key_names), R"('
      compopt -o nospace 2>/dev/null
      ;;
  esac
  [[ $words ]] || case "${COMP_WORDS[1]} $before" in
)",
                branches, R"(  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _longspan longspan
)");
}

// In a specification of zsh's _arguments.
std::string zsh_escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

std::string zsh_action(const Argument& argument) {
  if (!argument.names.empty() && argument.names.front() == "--set") return "_longspan_setting";
  if (argument.choices.empty()) return "_files";
  return concat("(", joined(argument.choices), ")");
}

std::string zsh_argument(const Argument& argument, const std::string& name) {
  const std::string value =
      argument.has_value ? concat(":", argument.value_name, ":", zsh_action(argument)) : "";
  if (name.empty()) return concat(argument.repeatable ? "*" : "", value);
  return concat(argument.repeatable ? "*" : "", name, "[", zsh_escaped(argument.description), "]",
                value);
}

std::string zsh_verb(const VerbArguments& verb) {
  std::string text = concat("    ", verb.name, ")\n      _arguments");
  for (const Argument& argument : verb.arguments) {
    for (const std::string& name : argument.names)
      text += concat(" \\\n        ", shell_quoted(zsh_argument(argument, name)));
    if (argument.names.empty())
      text += concat(" \\\n        ", shell_quoted(zsh_argument(argument, "")));
  }
  return text + "\n      ;;\n";
}

std::string zsh_script(const std::vector<VerbArguments>& verbs,
                       const std::vector<ConfigKey>& keys) {
  std::string names, branches, values;
  Words key_names;
  for (const VerbArguments& verb : verbs) {
    names += concat("    ", shell_quoted(zsh_escaped(verb.name) + ":" + verb.description), "\n");
    branches += zsh_verb(verb);
  }
  for (const ConfigKey& key : keys) {
    key_names.push_back(key.name);
    if (!key.values.empty())
      values +=
          concat("    ", shell_quoted(key.name), ") compadd -- ", joined(key.values), " ;;\n");
  }
  return concat(R"(#compdef longspan
# Completes command lines of longspan in zsh: a file _longspan in a folder of $fpath, or
# source <(longspan completion zsh) behind compinit.
_longspan_setting() {
  if ! compset -P 1 '*='; then
    compadd -S = -- )",
                joined(key_names), R"(
    return
  fi
  case ${IPREFIX%=} in
)",
                values, R"(  esac
}
_longspan() {
  local -a verbs
  verbs=(
)",
                names, R"(  )
  if ((CURRENT == 2)); then
    _describe verb verbs
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
)",
                branches, R"(  esac
}
if [[ $funcstack[1] == _longspan ]]; then
  _longspan "$@"
else
  compdef _longspan longspan
fi
)");
}

std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string fish_names(const Argument& argument) {
  std::string text;
  for (const std::string& name : argument.names)
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  return text;
}

std::string fish_verb(const VerbArguments& verb) {
  std::string text;
  for (const Argument& argument : verb.arguments) {
    if (argument.names.empty() && argument.choices.empty()) continue;  // a file
    std::string values;
    if (!argument.names.empty() && argument.names.front() == "--set")
      values = " -x -a '$__longspan_settings'";
    else if (!argument.choices.empty())
      values = concat(argument.names.empty() ? " -f" : " -x", " -a ",
                      fish_quoted(joined(argument.choices)));
    else if (argument.has_value)
      values = " -r";
    text += concat("complete -c longspan -n '__fish_seen_subcommand_from ", verb.name, "'",
                   fish_names(argument), values, " -d ", fish_quoted(argument.description), "\n");
  }
  return text;
}

// fish puts no blank behind a word that ends with =.
std::string fish_script(const std::vector<VerbArguments>& verbs,
                        const std::vector<ConfigKey>& keys) {
  Words settings;
  for (const ConfigKey& key : keys) {
    if (key.values.empty()) settings.push_back(key.name + "=");
    for (const std::string& value : key.values) settings.push_back(concat(key.name, "=", value));
  }
  std::string text = concat(
      "# Completes command lines of longspan in fish: longspan completion fish | source\n"
      "set -g __longspan_settings ",
      joined(settings),
      "\ncomplete -c longspan -e\n"
      "complete -c longspan -n __fish_use_subcommand -f -s h -l help\n"
      "complete -c longspan -n __fish_use_subcommand -f -l version\n");
  for (const VerbArguments& verb : verbs)
    text += concat("complete -c longspan -n __fish_use_subcommand -f -a ", verb.name, " -d ",
                   fish_quoted(verb.description), "\n", fish_verb(verb));
  return text;
}

std::string script_for(const std::string& shell) {
  const auto verbs = all_verbs();
  const auto keys = config_keys();
  if (shell == "bash") return bash_script(verbs, keys);
  return shell == "zsh" ? zsh_script(verbs, keys) : fish_script(verbs, keys);
}

}  // namespace

void add_completion(CLI::App& app, Call& call) {
  CommonOptions& options = call.options;
  auto* verb = app.add_subcommand(
      "completion", "A script that completes command lines: source <(longspan completion bash)");
  auto shell = std::make_shared<std::string>();
  verb->add_option("SHELL", *shell, "The shell")
      ->required()
      ->check(one_of({"bash", "fish", "zsh"}));
  add_common_options(*verb, options);
  verb->callback([shell, &options] {
    apply(options, DeviceUse::Plans);
    refuse_overrides(options, "completion");
    const std::string script = script_for(*shell);
    write_result(options.json ? json_line({{"shell", *shell}, {"script", script}}) : script);
  });
}

}  // namespace longspan::cli
