#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Pieces of HTML. Texts become HTML by escape() only.
namespace longspan::report {

/// Stands where a table has no number, and between the ends of an interval.
constexpr const char* kDash = "\u2013";

/// Returns a text as HTML, for content and quoted attributes alike. What no page may hold is there
/// as escaped_lines() has it.
std::string escape(std::string_view text);

/// One cell of a table.
struct TableCell {
  std::string html;
  std::string css_class;  ///< "number" aligns to the right
};
TableCell text_cell(std::string_view text);
TableCell number_cell(std::string_view text);

/// A table whose first column names the rows.
struct Table {
  std::vector<TableCell> header;
  std::vector<std::vector<TableCell>> rows;
  std::string css_class;
};
/// Returns the table in a box that scrolls by itself on a narrow screen.
std::string to_html(const Table& table);

/// Returns "<details>" with a title that opens it.
std::string details(const std::string& summary_html, const std::string& content_html);
/// Returns a list, an item each.
std::string list(const std::vector<std::string>& texts);

}  // namespace longspan::report
