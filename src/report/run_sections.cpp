// What was run: training curves, the runs, their configurations and their environment.
#include <algorithm>

#include "report/html.h"
#include "report/numbers.h"
#include "report/page.h"

namespace longspan::report {
namespace {

template <class Value, class Words>
TableCell optional_cell(const std::optional<Value>& value, Words words) {
  return number_cell(value ? words(*value) : kDash);
}

std::optional<double> environment_number(const Run& run, const char* key) {
  if (!run.environment.is_object() || !run.environment.contains(key)) return std::nullopt;
  const Json& value = run.environment[key];
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::vector<TableCell> run_row(const Run& run) {
  const auto last = [&](auto MetricRow::*member) {
    return number_cell(
        run.history.empty() ? kDash : rounded(static_cast<double>(run.history.back().*member)));
  };
  return {text_cell(run.name),
          text_cell(run.method),
          number_cell(grouped(run.train_length)),
          number_cell(std::to_string(run.seed)),
          optional_cell(environment_number(run, "parameters"), rounded),
          number_cell(run.history.empty() ? kDash : grouped(run.history.back().step)),
          last(&MetricRow::tokens),
          optional_cell(median_tokens_per_second(run.history), rounded),
          optional_cell(training_seconds(run.history), duration),
          optional_cell(best_valid_ppl(run.history), perplexity)};
}

std::string plain(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// A list of words as one command line; words that a shell would split are quoted.
std::string command_line(const Json& words) {
  if (!words.is_array()) return plain(words);
  std::string line;
  for (const Json& word : words) {
    const std::string text = plain(word);
    const bool simple =
        !text.empty() && text.find_first_of(" \t\n'\"\\$&|;<>()*?") == std::string::npos;
    line += (line.empty() ? "" : " ") + (simple ? text : "'" + text + "'");
  }
  return line;
}

std::string values_of(const std::vector<Run>& runs, const std::string& key) {
  std::vector<std::pair<std::string, std::string>> values;  // value, runs
  std::size_t described = 0;
  for (const Run& run : runs) {
    if (!run.environment.is_object()) continue;
    ++described;
    if (!run.environment.contains(key)) continue;
    std::string value = plain(run.environment[key]);
    if (value.empty()) value = "none";
    const auto found = std::find_if(values.begin(), values.end(),
                                    [&](const auto& each) { return each.first == value; });
    if (found == values.end())
      values.emplace_back(value, run.name);
    else
      found->second += ", " + run.name;
  }
  if (described > 0 && values.size() == 1) return escape(values.front().first);
  std::string html;
  for (const auto& [value, names] : values)
    html += "<div>" + escape(value) + " <small>" + escape(names) + "</small></div>";
  return html;
}

}  // namespace

std::string training_section(const std::vector<DrawnFigure>& figures) {
  if (figures.empty()) return "";
  std::string html = "<section>\n<h2>Training</h2>\n<div class=\"pair\">\n";
  for (const DrawnFigure& figure : figures) html += figure_html(figure);
  return html + "</div>\n</section>\n";
}

std::string runs_section(const std::vector<Run>& runs) {
  Table table{{{"run", ""},
               {"method", ""},
               {"trained length", "number"},
               {"seed", "number"},
               {"parameters", "number"},
               {"steps", "number"},
               {"tokens", "number"},
               {"tokens/s", "number"},
               {"time", "number"},
               {"best valid ppl", "number"}},
              {},
              "runs"};
  for (const Run& run : runs) table.rows.push_back(run_row(run));
  return "<section>\n<h2>Runs</h2>\n" + to_html(table) +
         "<p class=\"legend\">tokens/s: median over the logged rows. time: training steps alone, "
         "without validation, saving "
         "and pauses.</p>\n</section>\n";
}

std::string configuration_section(const std::vector<Run>& runs) {
  std::string html =
      "<section>\n<h2>Configurations</h2>\n<p class=\"legend\">Resolved: every key, defaults "
      "included.</p>\n";
  for (const Run& run : runs) {
    std::string content;
    if (run.environment.is_object() && run.environment.contains("command_line"))
      content =
          "<p><code>" + escape(command_line(run.environment["command_line"])) + "</code></p>\n";
    content += "<pre>" + escape(run.config) + "</pre>\n";
    html +=
        details(escape(run.name) + " <span>" + escape(run.method) + ", trained at " +
                    grouped(run.train_length) + ", seed " + std::to_string(run.seed) + "</span>",
                content);
  }
  return html + "</section>\n";
}

std::string environment_section(const std::vector<Run>& runs) {
  std::vector<std::string> keys;
  for (const Run& run : runs)
    if (run.environment.is_object())
      for (const auto& [key, value] : run.environment.items())
        if (key != "format" && key != "command_line" &&
            std::find(keys.begin(), keys.end(), key) == keys.end())
          keys.push_back(key);
  if (keys.empty()) return "";
  Table table{{}, {}, "facts-table"};
  for (const std::string& key : keys)
    table.rows.push_back({text_cell(key), {values_of(runs, key), ""}});
  return "<section>\n<h2>Environment</h2>\n" + to_html(table) + "</section>\n";
}

}  // namespace longspan::report
