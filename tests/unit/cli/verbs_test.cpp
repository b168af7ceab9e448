// What holds for every option of every verb.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace longspan::cli {
namespace {

using Catch::Matchers::ContainsSubstring;
using Words = std::vector<std::string>;

struct Value {
  std::string verb, name;
  bool positional = false, repeatable = false, required = false;
};

/// Every option and argument that takes a value.
std::vector<Value> all_values() {
  CLI::App app;
  Call call;
  add_verbs(app, call);
  std::vector<Value> values;
  for (const CLI::App* verb : app.get_subcommands({}))
    for (const CLI::Option* option : verb->get_options())
      if (option->get_items_expected_max() > 0)
        values.push_back({verb->get_name(), option->get_name(), option->get_positional(),
                          option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll,
                          option->get_required()});
  return values;
}

/// Returns how the command line is refused; empty when it is not. A verb's work does not begin: an
/// option that is never there is asked for last.
std::string refusal(Words words) {
  CLI::App app("", "longspan");
  Call call;
  add_verbs(app, call);
  for (CLI::App* verb : app.get_subcommands({})) verb->add_option("--never")->required();
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
    return "";
  } catch (const CLI::ParseError& error) {
    return error.what() == std::string("--never is required") ? "" : error.what();
  }
}

const char* example_of(const Value& value) {
  if (value.name == "--from") return "fairseq";
  if (value.name == "SHELL") return "bash";
  if (value.name == "--log-level") return "info";
  if (value.name == "--to") return "huggingface";
  if (value.name == "--dtype") return "fp32";
  if (value.name == "--all-reduce") return "ring";
  return value.name == "--vocab-size" ? "2" : "1";
}

/// A command line of the verb with all that it requires beside the value.
Words with_arguments(const Value& value, const Words& more) {
  Words words{value.verb};
  for (const Value& other : all_values()) {
    if (other.verb != value.verb || other.name == value.name || !other.required) continue;
    if (!other.positional) words.push_back(other.name);
    words.push_back(example_of(other));
  }
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

TEST_CASE("an empty value is refused by every option and argument") {
  const std::vector<Value> values = all_values();
  REQUIRE(values.size() > std::size(kVerbs) * 5);
  for (const Value& value : values) {
    CAPTURE(value.verb, value.name);
    const Words empty = value.positional ? Words{""} : Words{value.name, ""};
    CHECK_THAT(refusal(with_arguments(value, empty)),
               ContainsSubstring(value.name + ": a value must be given, got an empty one"));
    const Words joined{value.name + "="};
    if (!value.positional) CHECK(refusal(with_arguments(value, joined)) != "");
  }
}

TEST_CASE("an option that takes one value is refused twice, one that takes many is not") {
  for (const Value& value : all_values()) {
    if (value.positional) continue;
    CAPTURE(value.verb, value.name);
    const std::string given = example_of(value);
    const std::string once = refusal(with_arguments(value, {value.name, given}));
    const std::string twice =
        refusal(with_arguments(value, {value.name, given, value.name, given}));
    CHECK_THAT(once, !ContainsSubstring(value.name + ":"));
    if (value.repeatable)
      CHECK_THAT(twice, !ContainsSubstring(value.name + ":"));
    else
      CHECK_THAT(twice, ContainsSubstring(value.name + ": At Most 1 required but received 2"));
  }
}

}  // namespace
}  // namespace longspan::cli
