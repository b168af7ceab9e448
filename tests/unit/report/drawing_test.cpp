// Pieces: which cells make a line, axes, numbers as text, clean SVG and HTML.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstdio>

#include "longspan/core/error.h"
#include "longspan/core/utf8.h"
#include "report/axis.h"
#include "report/comparison.h"
#include "report/figures.h"
#include "report/gnuplot.h"
#include "report/html.h"
#include "report/look.h"
#include "report/numbers.h"
#include "report/svg.h"

namespace longspan::report {
namespace {

using Catch::Matchers::ContainsSubstring;

Cell make_cell(const Run& run, std::int64_t length, double ppl) {
  Cell cell;
  cell.run = run.name;
  cell.method = run.method;
  cell.mode = "nonoverlapping";
  cell.targets_hash = "h";
  cell.dtype = "float32";
  cell.train_length = run.train_length;
  cell.length = length;
  cell.ppl = ppl;
  return cell;
}

Run make_run(const std::string& name, const std::string& method, std::int64_t train_length,
             const std::string& recipe, std::vector<double> ppl) {
  Run run;
  run.name = name;
  run.method = method;
  run.train_length = train_length;
  run.recipe = recipe;
  run.evaluations = {{"valid", {}}};
  for (std::size_t i = 0; i < ppl.size(); ++i)
    run.evaluations[0].cells.push_back(make_cell(run, std::int64_t{24} << i, ppl[i]));
  return run;
}

std::vector<std::string> labels_of(const Comparison& comparison) {
  std::vector<std::string> labels;
  for (const Curve& curve : comparison.curves) labels.push_back(curve.label);
  return labels;
}

TEST_CASE("runs of one recipe are one line with mean and range, others are not") {
  const std::vector<Run> runs{
      make_run("a", "alibi", 24, "small", {10.0, 12.0}), make_run("b", "t5", 24, "small", {20.0}),
      make_run("c", "alibi", 24, "small", {13.0}), make_run("d", "alibi", 24, "large", {9.0})};
  const Lines lines(runs, Modes::PlotEach);
  const auto comparisons = compare(runs, lines, Modes::PlotEach);
  REQUIRE(comparisons.size() == 1);
  CHECK(labels_of(comparisons[0]) == std::vector<std::string>{"alibi, a", "t5", "alibi, d"});
  const Curve& alibi = comparisons[0].curves[0];
  CHECK(alibi.runs == std::vector<std::string>{"a", "c"});
  REQUIRE(alibi.at(24) != nullptr);
  CHECK(alibi.at(24)->mean == 11.5);
  CHECK(alibi.at(24)->low == 10.0);
  CHECK(alibi.at(24)->high == 13.0);
  CHECK(alibi.at(48)->mean == 12.0);
  CHECK(alibi.at(96) == nullptr);
  CHECK(comparisons[0].lengths == std::vector<std::int64_t>{24, 48});
  CHECK(lines.of_training(runs[2]) == alibi.line);
  CHECK(lines.of_training(runs[3]) != alibi.line);
}

TEST_CASE("trained lengths, overrides and checkpoint steps make lines of their own") {
  std::vector<Run> runs{make_run("a", "alibi", 24, "x", {10.0, 11.0, 12.0}),
                        make_run("b", "alibi", 48, "y", {10.0})};
  runs[0].evaluations[0].cells[1].position_overrides = "scale=2";
  runs[0].evaluations[0].cells[2].checkpoint_step = 500;
  const Lines lines(runs, Modes::PlotEach);
  const auto comparison = compare(runs, lines, Modes::PlotEach).at(0);
  CHECK(labels_of(comparison) == std::vector<std::string>{"alibi, trained at 48",
                                                          "alibi, trained at 24, step 0",
                                                          "alibi, trained at 24 (scale=2), step 0",
                                                          "alibi, trained at 24, step 500"});
  CHECK(comparison.train_lengths == std::vector<std::int64_t>{24, 48});
  CHECK(comparison.differences.empty());
}

TEST_CASE("every part of the protocol that differs is found") {
  std::vector<Run> runs{make_run("a", "alibi", 24, "x", {1.0, 1.0, 1.0, 1.0})};
  auto& cells = runs[0].evaluations[0].cells;
  cells[0].targets = 5;
  cells[1].targets_hash = "other";
  cells[2].dtype = "bfloat16";
  for (std::size_t i = 0; i < 4; ++i) cells[i].mode = "stride:8";
  cells[3].stride = 8;
  const auto comparison = compare(runs, Lines(runs, Modes::PlotEach), Modes::PlotEach).at(0);
  std::vector<std::string> keys;
  for (const Difference& difference : comparison.differences) keys.push_back(difference.key);
  CHECK(keys == std::vector<std::string>{"stride", "targets", "targets_hash", "dtype"});
  CHECK(to_text(comparison.differences[1]).starts_with("targets differs: 5 (alibi"));
  CHECK(comparison.curves.size() == 3);  // no line joins two texts or two precisions
}

TEST_CASE("several modes on one plot are lines named by the mode") {
  std::vector<Run> runs{make_run("a", "alibi", 24, "x", {3.0, 2.0})};
  runs[0].evaluations[0].cells[1].mode = "stride:8";
  const auto comparisons = compare(runs, Lines(runs, Modes::LineEach), Modes::LineEach);
  REQUIRE(comparisons.size() == 1);
  CHECK(labels_of(comparisons[0]) ==
        std::vector<std::string>{"alibi, nonoverlapping", "alibi, stride 8"});
  CHECK(comparisons[0].mode.empty());
  CHECK(extrapolation_figure(comparisons[0], "f").warning.empty());
}

TEST_CASE("axes hold their values, with ticks in range") {
  const Axis narrow = fitted_axis({20.0, 22.0, std::nan("")});
  CHECK(!narrow.logarithmic);
  CHECK(narrow.low < 20.0);
  CHECK(narrow.high > 22.0);
  CHECK(narrow.ticks.size() >= 4);
  const Axis extreme = fitted_axis({5e-324, 1.7e308});
  CHECK(std::isfinite(extreme.low));
  CHECK(std::isfinite(extreme.high));
  CHECK(extreme.ticks.size() < 1000);
  CHECK(fitted_axis({-1.7e308, 1.7e308}).ticks.size() < 1000);
  const Axis wide = fitted_axis({20.0, 900.0});
  CHECK(wide.logarithmic);
  CHECK(wide.fraction(20.0) > 0.0);
  CHECK(wide.fraction(900.0) < 1.0);
  for (const Tick& tick : wide.ticks) CHECK((tick.value >= wide.low && tick.value <= wide.high));
  CHECK(wide.ticks.front().label == "30");
  for (const auto& values : {std::vector<double>{}, {std::nan("")}, {0.0}, {7.0}, {-1.0, 1e9}}) {
    const Axis axis = fitted_axis(values);
    CHECK(axis.high > axis.low);
  }

  const Axis lengths = length_axis({64, 128, 192, 256, 320, 4096}, {128});
  CHECK(lengths.ticks.front().label == "64\n0.5\u00d7");
  CHECK(lengths.ticks.back().label == "4096\n32\u00d7");
  CHECK(lengths.ticks.size() == 5);  // 320 has no room behind 256
  CHECK(length_axis({64}, {64, 128}).ticks.at(0).label == "64");
  CHECK(count_axis(30000.0, "step").ticks.front().label == "0");
  CHECK(count_axis(30000.0, "step").ticks.back().label == "30k");
  CHECK(count_axis(0.0, "step").high == 1.0);
}

TEST_CASE("numbers are text that a reader can take in") {
  CHECK(exact(0.1) == "0.1");
  CHECK(exact(std::nan("")) == "NaN");
  CHECK(exact(-INFINITY) == "NaN");
  CHECK(perplexity(9.87654) == "9.877");
  CHECK(perplexity(98.7654) == "98.77");
  CHECK(perplexity(987.654) == "987.7");
  CHECK(perplexity(98765.4) == "98\u202f765");
  CHECK(perplexity(1.5e9) == "1.50e+09");
  CHECK(perplexity(INFINITY) == "not finite");
  CHECK(signed_nats(0.01234) == "+0.0123");
  CHECK(signed_nats(-1.5) == "\u22121.5000");
  CHECK(signed_nats(std::nan("")) == "not finite");
  CHECK(probability(0.0423) == "0.042");
  CHECK(probability(1.0) == "1");
  CHECK(probability(3.14e-7) == "3.1e-07");
  CHECK(probability(0.0) == "< 1e-9");
  CHECK(byte_size(3.5 * 1048576) == "3.5 MiB");
  CHECK(byte_size(512.0 * 1048576) == "512 MiB");
  CHECK(byte_size(1.94 * 1073741824) == "1.9 GiB");
  CHECK(ratio(0.9211) == "0.92");
  CHECK(ratio(25.13) == "25.1");
  CHECK(ratio(1234.0) == "1.23k");
  CHECK(grouped(-1234567) == "-1\u202f234\u202f567");
  CHECK(grouped(123) == "123");
  CHECK(grouped(12345.678, 2) == "12\u202f345.68");
  CHECK(rounded(0.0) == "0");
  CHECK(rounded(250.0) == "250");
  CHECK(rounded(999.7) == "1.00k");
  CHECK(rounded(12400.0) == "12.4k");
  CHECK(rounded(12640.0) == "12.6k");
  CHECK(rounded(1.5e6) == "1.50M");
  CHECK(scaled(0.0) == "0");
  CHECK(scaled(0.5) == "0.5");
  CHECK(scaled(1000.0) == "1k");
  CHECK(scaled(2.5e6) == "2.5M");
  CHECK(scaled(6.0e12) == "6T");
  CHECK(duration(4.26) == "4.3 s");
  CHECK(duration(59.0) == "59 s");
  CHECK(duration(125.0) == "2 min 5 s");
  CHECK(duration(12000.0) == "3 h 20 min");
}

TEST_CASE("training curves are smoothed, thinned and leave the start out of the frame") {
  Run run = make_run("a", "alibi", 24, "x", {});
  for (int step = 1; step <= 1000; ++step) {
    MetricRow row;
    row.step = step;
    row.tokens = 10 * step;
    row.train_loss = step <= 20 ? 50.0 : 3.0 + 0.5 * (step % 2);
    run.history.push_back(row);
  }
  const std::vector<Run> runs{run};
  const auto figures = training_figures(runs, Lines(runs, Modes::PlotEach));
  REQUIRE(figures.size() == 1);
  const auto& points = figures[0].series.at(0).points;
  CHECK(points.size() == 240);
  CHECK(points.front().x == 1.0);
  CHECK(points.back().x == 1000.0);
  CHECK(points.front().y == 50.0);
  CHECK(std::abs(points.back().y - 3.25) < 0.02);
  CHECK(figures[0].y.high < 10.0);
  CHECK_THAT(figures[0].caption, ContainsSubstring("The start lies above the frame."));
  CHECK(figures[0].x.title == "training step");
}

TEST_CASE("runs whose steps have different sizes are drawn over tokens") {
  std::vector<Run> runs{make_run("a", "alibi", 24, "x", {}), make_run("b", "t5", 24, "y", {})};
  for (std::int64_t i = 0; i < 2; ++i) {
    MetricRow row;
    row.step = 10;
    row.tokens = 100 * (i + 1);
    row.valid_loss = 2.0;
    runs[static_cast<std::size_t>(i)].history = {row};
  }
  const auto figures = training_figures(runs, Lines(runs, Modes::PlotEach));
  REQUIRE(figures.size() == 1);
  CHECK(figures[0].x.title == "tokens of training");
  CHECK(figures[0].series[1].points[0].x == 200.0);
}

TEST_CASE("names of lines that end together do not overlap") {
  Figure figure;
  figure.name = "f";
  figure.x = length_axis({64, 128}, {});
  figure.y = fitted_axis({10.0, 11.0});
  const auto looks = looks_of(std::vector<std::string>(6, "alibi"));
  for (std::size_t i = 0; i < 6; ++i)
    figure.series.push_back({i,
                             looks[i],
                             "line" + std::to_string(i),
                             {},
                             {{64.0, 10.0, 10.0, 10.0}, {128.0, 10.5, 10.5, 10.5}}});
  const std::string svg = draw_svg(figure).file;
  std::vector<double> heights;
  for (int i = 0; i < 6; ++i) {
    const std::size_t text = svg.find(concat(">line", i, "</text>"));
    REQUIRE(text != std::string::npos);
    heights.push_back(std::stod(svg.substr(svg.rfind(" y=\"", text) + 4)));
  }
  std::sort(heights.begin(), heights.end());
  for (std::size_t i = 1; i < heights.size(); ++i) CHECK(heights[i] - heights[i - 1] > 14.0);
}

TEST_CASE("a long title is cut in its middle, between characters") {
  Figure figure;
  figure.name = "f";
  figure.x = length_axis({64, 128}, {});
  figure.y = fitted_axis({10.0, 11.0});
  figure.title = "Perplexity on ";
  for (int i = 0; i < 200; ++i) figure.title += "\xC3\xA9";
  figure.title += ".txt, non-overlapping windows";
  const std::string script = plot_script(figure);
  const auto begin = script.find("'Perplexity on "), end = script.find("windows'");
  REQUIRE((begin < end && end != std::string::npos));
  const std::string title = script.substr(begin, end - begin);
  CHECK_THAT(title, ContainsSubstring("\xC3\xA9...\xC3\xA9") &&
                        ContainsSubstring(".txt, non-overlapping "));
  CHECK(find_invalid_utf8(title) == std::string::npos);
  CHECK(title.size() <= 120);
}

// A figure of one line, with a name that a phone has no room for.
Figure one_line(std::vector<PlotPoint> points) {
  Figure figure;
  figure.name = "f";
  figure.title = "Perplexity on a split with a long name, sliding windows, stride 16 (log scale)";
  figure.warning = "The protocol differs between the lines: stride, targets, targets_hash, dtype";
  figure.x = length_axis({64, 128, 192, 256, 320, 384, 448, 512, 1024, 2048, 4096}, {64});
  figure.y = fitted_axis({10.0, 11.0});
  figure.marks = {{64.0, "trained at 64"}, {70.0, "trained at 70"}, {4096.0, "trained at 4096"}};
  figure.series = {{3, looks_of({"alibi"})[0], "a-name-that-is-long", {"run"}, std::move(points)}};
  return figure;
}

// A text of an SVG image: where it begins and ends, by a mean of its characters.
struct Placed {
  double left, right, y;
  std::string words;
};

std::vector<Placed> texts_of(const std::string& svg) {
  std::vector<Placed> texts;
  for (std::size_t at = 0; (at = svg.find("<text x=\"", at)) != std::string::npos; ++at) {
    const std::string text = svg.substr(at, svg.find("</text>", at) - at);
    const std::string words = text.substr(text.find('>') + 1);
    const double x = std::stod(text.substr(9)), y = std::stod(text.substr(text.find(" y=\"") + 4));
    const double width = 7.0 * static_cast<double>(words.size());
    const double part = text.find("\"middle\"") != std::string::npos ? 0.5
                        : text.find("\"end\"") != std::string::npos  ? 1.0
                                                                     : 0.0;
    texts.push_back({x - part * width, x + (1.0 - part) * width, y, words});
  }
  return texts;
}

TEST_CASE("a drawing for a phone has its words inside, apart from each other, and no names") {
  const Svg svg = draw_svg(one_line({{64.0, 10.0, 10.0, 10.0}, {4096.0, 11.0, 11.0, 11.0}}));
  CHECK_THAT(svg.wide, ContainsSubstring("a-name-that-is-long"));
  CHECK_THAT(svg.narrow, !ContainsSubstring("a-name-that-is-long"));
  CHECK_THAT(svg.narrow,
             ContainsSubstring("class=\"plot narrow\"") && ContainsSubstring("viewBox=\"0 0 340 "));
  const std::vector<Placed> texts = texts_of(svg.narrow);
  CHECK(texts.size() > 10);
  for (const Placed& a : texts) {
    INFO(a.words);
    CHECK(a.left >= 0.0);
    CHECK(a.right <= 340.0);
    for (const Placed& b : texts) {
      INFO(b.words);
      if (&a != &b && std::abs(a.y - b.y) < 14.0) CHECK((a.right < b.left || b.right < a.left));
    }
  }
}

TEST_CASE("a drawing has gaps, bands and marks of its lines, in groups that a page can hide") {
  const double gap = std::nan("");
  const Svg svg = draw_svg(one_line({{64.0, 10.0, 9.5, 10.5},
                                     {128.0, 10.5, 10.0, 11.0},
                                     {256.0, gap, gap, gap},
                                     {512.0, 10.5, 10.0, 11.0},
                                     {1024.0, 10.0, 9.5, 10.5}}));
  const auto count = [&](const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = svg.narrow.find(part, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  CHECK(count("<g data-line=\"3\">") == 2);  // band, line
  CHECK(count("fill-opacity") == 2);         // a polygon on each side of the gap
  CHECK(count(" r=\"4.0\"") == 4);           // markers
  const std::size_t line = svg.narrow.find("stroke-width=\"2\"");
  const std::size_t course = svg.narrow.rfind("<path d=\"", line);
  const std::string drawn = svg.narrow.substr(course, line - course);
  CHECK(std::count(drawn.begin(), drawn.end(), 'M') == 2);
  CHECK(std::count(drawn.begin(), drawn.end(), 'L') == 2);
  CHECK(svg.narrow.find("nan") == std::string::npos);
  CHECK(svg.narrow.find("inf") == std::string::npos);
  CHECK_THAT(svg.wide, ContainsSubstring("id=\"f-wide-frame\""));
  CHECK_THAT(svg.narrow, ContainsSubstring("id=\"f-narrow-frame\""));
}

TEST_CASE("an interval is a whisker from its lower to its upper end, in every drawing") {
  const Figure plain = one_line({{64.0, 10.5, 10.5, 10.5}, {4096.0, 10.0, 10.0, 10.0}});
  CHECK_THAT(draw_svg(plain).file, !ContainsSubstring("whiskers"));
  CHECK_THAT(plot_script(plain), !ContainsSubstring("yerrorbars"));
  const Figure figure = one_line({{64.0, 10.5, 10.5, 10.5, Interval{10.25, 10.875}},
                                  {512.0, 10.5, 10.5, 10.5},
                                  {4096.0, 10.0, 10.0, 10.0, Interval{-1.0, 10.5}}});
  const Svg svg = draw_svg(figure);
  for (const std::string& drawing : {svg.file, svg.wide, svg.narrow}) {
    const std::size_t end = drawing.find("class=\"whiskers\"");
    REQUIRE(end != std::string::npos);
    CHECK(drawing.find("class=\"whiskers\"", end + 1) == std::string::npos);
    const std::size_t start = drawing.rfind("d=\"M", end) + 4;
    double x = 0.0, low = 0.0, high = 0.0;
    REQUIRE(std::sscanf(drawing.c_str() + start, "%lf %lf V%lf", &x, &low, &high) == 3);
    // The axis's ends are where its line begins and ends.
    const std::size_t axes = drawing.find("fill=\"none\"", drawing.find("fill=\"none\"") + 1);
    double left = 0.0, top = 0.0, bottom = 0.0;
    REQUIRE(std::sscanf(drawing.c_str() + drawing.rfind("d=\"M", axes) + 4, "%lf %lf V%lf", &left,
                        &top, &bottom) == 3);
    const auto height = [&](double value) {
      return bottom - (bottom - top) * figure.y.fraction(value);
    };
    CHECK(std::abs(low - height(10.25)) < 0.06);
    CHECK(std::abs(high - height(10.875)) < 0.06);
    CHECK(drawing.find("nan") == std::string::npos);
  }
  CHECK_THAT(plot_script(figure), ContainsSubstring("64 10.5 10.5 10.5 10.25 10.875\n") &&
                                      ContainsSubstring("512 10.5 10.5 10.5 NaN NaN\n") &&
                                      ContainsSubstring("using 1:2:5:6 with yerrorbars"));
}

TEST_CASE("a point lies where the page's script looks for it") {
  const Figure figure = one_line({{64.0, 10.0, 10.0, 10.0}, {4096.0, 11.0, 11.0, 11.0}});
  const Svg svg = draw_svg(figure);
  for (const std::string& drawing : {svg.wide, svg.narrow}) {
    double left = 0.0, top = 0.0, right = 0.0, bottom = 0.0;
    const std::string frame = drawing.substr(drawing.find("data-frame=\"") + 12);
    REQUIRE(std::sscanf(frame.c_str(), "%lf %lf %lf %lf", &left, &top, &right, &bottom) == 4);
    const double x = left + (right - left) * figure.x.fraction(4096.0);
    const double y = bottom - (bottom - top) * figure.y.fraction(11.0);
    double cx = 0.0, cy = 0.0;
    const std::size_t circle = drawing.find("<circle", drawing.find("<circle") + 1);
    REQUIRE(std::sscanf(drawing.c_str() + circle, "<circle cx=\"%lf\" cy=\"%lf\"", &cx, &cy) == 2);
    CHECK(std::abs(cx - x) < 0.2);  // both are rounded to tenths
    CHECK(std::abs(cy - y) < 0.2);
  }
}

TEST_CASE("texts are escaped for HTML and for gnuplot") {
  CHECK(escape("<a href='x'>\"&\"</a>") == "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;&lt;/a&gt;");
  CHECK(escape("a\n<\x1b[2J\xff>") == "a\n&lt;\\x1b[2J\\xff&gt;");
  CHECK(string_literal("\xff\xC3\xA9") == "'\\xff\xC3\xA9'");
  CHECK(string_literal("it's\n\"a\"\x01") == "'it''s \"a\" '");
  CHECK(to_html(
            {{text_cell("a<b"), number_cell("n")}, {{text_cell("x&y"), number_cell("1")}}, "c"}) ==
        "<div class=\"scroll\"><table class=\"c\">\n<thead><tr><th scope=\"col\">a&lt;b</th>"
        "<th scope=\"col\" class=\"number\">n</th></tr></thead>\n<tbody>\n<tr><th "
        "scope=\"row\">x&amp;y</th>"
        "<td class=\"number\">1</td></tr>\n</tbody></table></div>\n");
}

}  // namespace
}  // namespace longspan::report
