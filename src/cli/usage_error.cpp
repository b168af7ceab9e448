// Says what is wrong with a command line. CLI11's own texts name no remedy, and speak of its types.

#include "cli/usage_error.h"

#include <CLI/CLI.hpp>
#include <vector>

#include "cli/commands.h"
#include "longspan/config/nearest.h"
#include "longspan/core/error.h"

namespace longspan::cli {
namespace {

bool answers_alone(const std::string& option) {
  return option == "--help" || option == "-h" || option == "--version";
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& names) {
  const std::string near = config::nearest(word, names);
  return config::is_near(word, near) ? concat("; did you mean ", near, "?") : "";
}

std::string refused_word(const CLI::App& verb, const std::string& word) {
  std::vector<std::string> options;
  std::string arguments;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
    if (option->get_positional())
      arguments += concat(arguments.empty() ? "" : " ", option->get_name());
  }
  if (word.starts_with('-')) {
    const std::string name = word.substr(0, word.find('='));
    return concat(verb.get_name(), " has no option ", name, did_you_mean(name, options));
  }
  return concat(verb.get_name(), " must get no argument",
                arguments.empty() ? "" : concat(" beside ", arguments), ", got ", word);
}

// The texts of CLI11 begin with the option's name.
std::string reworded(const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::string name = text.substr(0, text.find_first_of(": "));
  const std::string unread = "Could not convert: ", limit = ": At Most 1 required but received ";
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return text.ends_with(" is required") ? name + " must be given, got none" : text;
  if (const std::size_t at = text.find(" = "); text.starts_with(unread) && at != text.npos)
    return concat(text.substr(unread.size(), at - unread.size()), " must be a number, got ",
                  text.substr(at + 3));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) == nullptr) return text;
  if (text.ends_with(" disallowed flag override"))  // without the dashes of a name
    return concat("--", text.substr(0, text.find(' ')), " must stand alone, got a value");
  if (text.ends_with(" missing")) return name + " must have a value, got none";
  const std::size_t at = text.find(limit);
  if (at == std::string::npos) return text;
  return concat(name, " must be given once, got ", text.substr(at + limit.size()), " values");
}

}  // namespace

void check_verb(const std::string& word) {
  if (answers_alone(word)) return;
  std::vector<std::string> names;
  for (const Verb& verb : kVerbs) {
    if (verb.name == word) return;
    names.emplace_back(verb.name);
  }
  throw Error(ErrorKind::Config,
              concat("the verb must be one of ", config::join(names), "; got ",
                     word.empty() ? "none" : word, word.empty() ? "" : did_you_mean(word, names),
                     "; see longspan --help"));
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const auto verbs = app.get_subcommands();
  if (verbs.empty()) return concat(error.what(), "; see longspan --help");
  const CLI::App& verb = *verbs.front();
  const auto extra = verb.remaining();  // empty for other errors
  const bool is_extra = !extra.empty() && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  return concat(is_extra ? refused_word(verb, extra.front()) : reworded(error), "; see longspan ",
                verb.get_name(), " --help");
}

}  // namespace longspan::cli
