// Pieces of HTML.
#include "report/html.h"

#include "longspan/core/escaped.h"

namespace longspan::report {
namespace {

std::string class_attribute(const TableCell& cell) {
  return cell.css_class.empty() ? "" : " class=\"" + cell.css_class + "\"";
}

}  // namespace

std::string escape(std::string_view text) {
  std::string html;
  for (const char c : escaped_lines(text)) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

TableCell text_cell(std::string_view text) { return {escape(text), ""}; }
TableCell number_cell(std::string_view text) { return {escape(text), "number"}; }

std::string to_html(const Table& table) {
  std::string html = "<div class=\"scroll\"><table class=\"" + table.css_class + "\">\n<thead><tr>";
  for (const TableCell& cell : table.header)
    html += "<th scope=\"col\"" + class_attribute(cell) + ">" + cell.html + "</th>";
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      html += (i == 0 ? "<th scope=\"row\"" : "<td") + class_attribute(row[i]) + ">" + row[i].html +
              (i == 0 ? "</th>" : "</td>");
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string details(const std::string& summary_html, const std::string& content_html) {
  return "<details><summary>" + summary_html + "</summary>\n" + content_html + "</details>\n";
}

std::string list(const std::vector<std::string>& texts) {
  std::string html = "<ul>";
  for (const std::string& text : texts) html += "<li>" + escape(text) + "</li>";
  return html + "</ul>\n";
}

}  // namespace longspan::report
