// A figure on the page: drawn for two widths, with a legend and the numbers for the page's script.
#include <set>

#include "longspan/core/error.h"
#include "report/html.h"
#include "report/page.h"

namespace longspan::report {
namespace {

// JSON as the content of a script element, which ends at the first "</script" whatever it stands
// in. JSON itself escapes all control characters but this one.
std::string in_script(const Json& document) {
  std::string text;
  for (const char c : document.dump()) {
    if (c == '<')
      text += "\\u003c";
    else if (c == '\x7f')
      text += "\\u007f";
    else
      text += c;
  }
  return "<script type=\"application/json\">" + text + "</script>";
}

// An entry for each line, which several series may share.
std::string legend(const Figure& figure) {
  std::string html = "<ul class=\"lines\" aria-label=\"lines of the plot\">";
  std::set<std::size_t> named;
  for (const Series& series : figure.series)
    if (named.insert(series.line).second)
      html += concat("<li data-line=\"", series.line, "\">", swatch(series.look),
                     escape(series.label), "</li>");
  return html + "</ul>\n";
}

}  // namespace

std::string figure_html(const DrawnFigure& drawn) {
  return "<figure><div class=\"drawing\">\n" + drawn.svg.wide + drawn.svg.narrow + "</div>" +
         legend(drawn.figure) + "<figcaption>" + escape(drawn.figure.caption) + "</figcaption>" +
         in_script(to_page_json(drawn.figure)) + "</figure>\n";
}

std::string context_section(const std::vector<ContextFigure>& figures) {
  std::string html;
  for (const ContextFigure& figure : figures) html += figure_html(figure.drawn);
  return html.empty() ? "" : "<section>\n<h2>Loss by context</h2>\n" + html + "</section>\n";
}

}  // namespace longspan::report
