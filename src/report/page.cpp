// The page as a whole: its head, the sentence that says what was found, the order of its sections.
#include "report/page.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "longspan/core/error.h"
#include "report/html.h"
#include "report/numbers.h"
#include "report/script.h"
#include "report/style.h"

namespace longspan::report {
namespace {

std::string counted(std::size_t count, const std::string& word) {
  return concat(count, " ", word, count == 1 ? "" : "s");
}

std::string facts(const PageContents& contents) {
  std::set<std::string> methods;
  std::set<std::int64_t> lengths, seeds;
  for (const Run& run : contents.runs) {
    methods.insert(run.method);
    lengths.insert(run.train_length);
    seeds.insert(run.seed);
  }
  std::string text = counted(contents.runs.size(), "run") + " \u00b7 " +
                     counted(methods.size(), "position method") + " \u00b7 " +
                     counted(seeds.size(), "seed") + " \u00b7 trained at ";
  for (const std::int64_t length : lengths)
    text += (length == *lengths.begin() ? "" : ", ") + grouped(length);
  text += " tokens";
  if (!contents.comparisons.empty())
    text += " \u00b7 evaluated up to " + grouped(contents.comparisons.front().lengths.back());
  return text;
}

std::string in_words(const Curve& curve, const CurvePoint& point) {
  std::string text = "<b>" + escape(curve.label) + "</b> at " + escape(perplexity(point.mean));
  const CurvePoint* trained = curve.at(curve.train_length);
  if (trained != nullptr && point.length != curve.train_length &&
      std::isfinite(point.mean / trained->mean))
    text +=
        ", " + ratio(point.mean / trained->mean) + " times its perplexity at the trained length";
  return text;
}

// The best and the worst at the greatest length that all lines were evaluated at. Lines of
// differing protocols have no best.
std::string finding(const Comparison& comparison) {
  const Curve *best = nullptr, *worst = nullptr;
  std::int64_t at = 0;
  for (const std::int64_t length : comparison.lengths) {
    const auto has = [&](const Curve& curve) {
      return curve.at(length) != nullptr && std::isfinite(curve.at(length)->mean);
    };
    if (!std::all_of(comparison.curves.begin(), comparison.curves.end(), has)) continue;
    const auto lower = [&](const Curve& a, const Curve& b) {
      return a.at(length)->mean < b.at(length)->mean;
    };
    best = &*std::min_element(comparison.curves.begin(), comparison.curves.end(), lower);
    worst = &*std::max_element(comparison.curves.begin(), comparison.curves.end(), lower);
    at = length;
  }
  if (best == nullptr || !comparison.differences.empty()) return "";
  std::string text = "<p class=\"finding\">At " + grouped(at) + " tokens, ";
  if (best == worst) return text + in_words(*best, *best->at(at)) + ".</p>\n";
  return text + "the lowest perplexity is that of " + in_words(*best, *best->at(at)) +
         "; the highest is that of " + in_words(*worst, *worst->at(at)) + ".</p>\n";
}

std::string header(const PageContents& contents) {
  std::string html =
      "<header>\n<p class=\"kicker\">longspan report</p>\n<h1>Perplexity beyond the trained "
      "length</h1>\n"
      "<p class=\"facts\">" +
      escape(facts(contents)) + "</p>\n";
  if (contents.reload_seconds)
    html += concat("<p class=\"facts\">Loads itself anew every ", *contents.reload_seconds,
                   " s while its runs go on.</p>\n");
  if (!contents.comparisons.empty()) html += finding(contents.comparisons.front());
  if (!contents.missing.empty())
    html += "<div class=\"note\" role=\"note\"><p>Missing here:</p>" + list(contents.missing) +
            "</div>\n";
  return html + "</header>\n";
}

std::string footer(const PageContents& contents) {
  std::string names;
  for (const std::string& file : contents.files) names += (names.empty() ? "" : ", ") + file;
  return "<footer>Beside this page: " + escape(names) + ".</footer>\n";
}

}  // namespace

// What loads the page anew where its script does not run.
std::string reload_without_script(const PageContents& contents) {
  if (!contents.reload_seconds) return "";
  return concat("<noscript><meta http-equiv=\"refresh\" content=\"", *contents.reload_seconds,
                "\"></noscript>\n");
}

std::string make_page(const PageContents& contents) {
  std::string body = header(contents);
  for (std::size_t i = 0; i < contents.comparisons.size(); ++i)
    body += result_section(contents.comparisons[i], contents.extrapolation[i],
                           i == 0 ? result_legend(contents.comparisons[i]) : "");
  body += reference_section(contents.reference, contents.comparisons);
  body += gain_section(contents.comparisons) + context_section(contents.contexts) +
          paired_section(contents.comparisons) + reach_section(contents.runs);
  body += speed_section(contents.comparisons) + training_section(contents.training) +
          runs_section(contents.runs) + protocol_section(contents.comparisons) +
          cells_section(contents.comparisons) + configuration_section(contents.runs) +
          environment_section(contents.runs) + footer(contents);
  return concat(
      "<!DOCTYPE html>\n<html lang=\"en\"",
      contents.reload_seconds ? concat(" data-reload=\"", *contents.reload_seconds, "\"") : "",
      ">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
      reload_without_script(contents), "<title>longspan report: ", escape(facts(contents)),
      "</title>\n<style>", kStyleSheet, "</style>\n</head>\n<body>\n", body, "<script>", kScript,
      "</script>\n</body>\n</html>\n");
}

}  // namespace longspan::report
