// gnuplot's SVG made fit for several of them on one page, for a style sheet and for file size.
#include "report/svg.h"

#include <array>
#include <cctype>
#include <charconv>

#include "longspan/core/error.h"
#include "report/gnuplot.h"
#include "report/html.h"

namespace longspan::report {
namespace {

constexpr const char* kCanvas = "<g id=\"gnuplot_canvas\">";

void replace_all(std::string& text, std::string_view from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

// Removes every part that starts and ends so.
void remove_all(std::string& text, std::string_view start, std::string_view end) {
  for (std::size_t at = 0; (at = text.find(start, at)) != std::string::npos;) {
    const std::size_t stop = text.find(end, at);
    if (stop == std::string::npos) return;
    text.erase(at, stop + end.size() - at);
  }
}

// <g ...> with nothing but white space before its </g>.
void remove_empty_groups(std::string& svg) {
  for (std::size_t end = 0; (end = svg.find("</g>", end)) != std::string::npos;) {
    const std::size_t last = svg.find_last_not_of(" \t\n", end - 1);
    const std::size_t start = svg.rfind('<', last);
    const bool empty = svg[last] == '>' && svg.compare(start, 3, "<g ") == 0;
    if (!empty) {
      end += 4;
      continue;
    }
    svg.erase(start, end + 4 - start);
    end = start;
  }
}

std::string hexadecimal(std::string_view numbers) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string colour = "#";
  for (std::size_t i = 0; i < numbers.size();) {
    if (std::isdigit(static_cast<unsigned char>(numbers[i])) == 0) {
      ++i;
      continue;
    }
    unsigned value = 0;
    const auto end =
        std::from_chars(numbers.data() + i, numbers.data() + numbers.size(), value).ptr;
    colour += {kDigits[value / 16 % 16], kDigits[value % 16]};
    i = static_cast<std::size_t>(end - numbers.data());
  }
  return colour;
}

// 'rgb(  0, 114, 178)' to '#0072b2'; only where it is an attribute's value.
void shorten_colours(std::string& svg) {
  for (std::size_t at = 0; (at = svg.find("rgb(", at)) != std::string::npos; ++at) {
    const std::size_t end = svg.find(')', at);
    if (end == std::string::npos) return;
    if (at > 1 && (svg[at - 1] == '\'' || svg[at - 1] == '"') && svg[at + 4] != ')')
      svg.replace(at, end + 1 - at,
                  hexadecimal(std::string_view(svg).substr(at + 4, end - at - 4)));
  }
}

std::string root_element(const Figure& figure, const std::string& attributes) {
  return concat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" ",
      attributes, " viewBox=\"0 0 ", figure.width, " ", figure.height, "\" role=\"img\">\n<title>",
      escape(figure.title), "</title>\n");
}

}  // namespace

std::string clean_svg(std::string svg, const std::string& figure_name) {
  remove_all(svg, "<title>", "</title>");
  remove_all(svg, "<filter ", "</filter>");
  replace_all(svg, "id=\"gnuplot", "id=\"" + figure_name);
  replace_all(svg, "id='gp", "id='" + figure_name + "-gp");
  replace_all(svg, "xlink:href='#gp", "xlink:href='#" + figure_name + "-gp");
  shorten_colours(svg);
  remove_empty_groups(svg);
  replace_all(svg, "\n\t", "\n");
  for (std::size_t before = 0; before != svg.size();) {
    before = svg.size();
    replace_all(svg, "\n\n", "\n");
    replace_all(svg, "\n\t", "\n");
  }
  return svg;
}

Svg draw_svg(const Figure& figure) {
  const std::string drawn = run_gnuplot(plot_script(figure, ImageFormat::Svg));
  const std::size_t start = drawn.find(kCanvas);
  check(start != std::string::npos, ErrorKind::Internal, "gnuplot's SVG must have its canvas, got ",
        drawn.substr(0, 200));
  const std::string body =
      clean_svg("<g>" + drawn.substr(start + std::string_view(kCanvas).size()), figure.name);
  const std::string size = concat("width=\"", figure.width, "\" height=\"", figure.height, "\"");
  return {"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + root_element(figure, size) + body,
          root_element(figure, "class=\"plot\"") + body};
}

std::string draw_png(const Figure& figure) {
  std::string png = run_gnuplot(plot_script(figure, ImageFormat::Png));
  check(png.starts_with("\x89PNG"), ErrorKind::Internal, "gnuplot must write a PNG image, got ",
        png.size(), " other bytes");
  return png;
}

}  // namespace longspan::report
