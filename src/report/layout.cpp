// Places of a figure's parts. The names of the lines stand beside their ends, so that no legend has
// to be matched by colour, unless the image is too narrow for it.
#include "report/layout.h"

#include <algorithm>
#include <cmath>

namespace longspan::report {
namespace {

constexpr double kLabelGap = 19.0;  // least distance of line names
constexpr std::size_t kMaxLabel = 48;
constexpr std::size_t kMaxTitle = 120;
constexpr double kRow = 20.0;  // height of a line of words

// Of a drawing that a screen of 360 pixels shows at about its own size.
constexpr int kNarrowWidth = 340;
constexpr int kNarrowAxesHeight = 230;
constexpr std::size_t kNarrowCharacters = 42;
constexpr std::size_t kMaxRows = 3;

// Cuts a long name in the middle, between characters: what tells names apart is at the ends.
std::string shortened(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  std::size_t head = most / 2, tail = text.size() - most / 2 + 3;
  while (continues(head)) --head;
  while (continues(tail)) ++tail;
  return text.substr(0, head) + "..." + text.substr(tail);
}

// Breaks a text between words into rows.
std::vector<std::string> wrapped(const std::string& text, std::size_t most) {
  std::vector<std::string> rows;
  std::string rest = text;
  while (rest.size() > most && rows.size() + 1 < kMaxRows) {
    const std::size_t space = rest.rfind(' ', most);
    if (space == std::string::npos || space == 0) break;
    rows.push_back(rest.substr(0, space));
    rest.erase(0, space + 1);
  }
  if (!rest.empty()) rows.push_back(shortened(rest, most));
  return rows;
}

std::vector<EndLabel> end_labels(const Figure& figure) {
  std::vector<EndLabel> labels;
  for (const Series& series : figure.series) {
    const auto same = [&](const EndLabel& label) { return label.line == series.line; };
    if (std::any_of(labels.begin(), labels.end(), same)) continue;
    const auto last = std::find_if(series.points.rbegin(), series.points.rend(),
                                   [](const PlotPoint& point) { return std::isfinite(point.y); });
    if (last == series.points.rend()) continue;
    const double height = std::clamp(figure.y.fraction(last->y), 0.0, 1.0);
    labels.push_back(
        {series.line, series.look, shortened(series.label, kMaxLabel), last->x, height, height});
  }
  return labels;
}

// Moves names apart until they are `gap` from each other, as little as that takes.
void spread(std::vector<EndLabel>& labels, double gap) {
  if (labels.empty()) return;
  gap = std::min(gap, 1.0 / static_cast<double>(labels.size()));
  std::sort(labels.begin(), labels.end(),
            [](const EndLabel& a, const EndLabel& b) { return a.target < b.target; });
  for (int pass = 0; pass < 50; ++pass)
    for (std::size_t i = 1; i < labels.size(); ++i) {
      const double lacking = gap - (labels[i].placed - labels[i - 1].placed);
      if (lacking <= 0.0) continue;
      labels[i].placed += lacking / 2;
      labels[i - 1].placed -= lacking / 2;
    }
  const double over = labels.back().placed - 1.0;
  for (std::size_t i = labels.size(); over > 0.0 && i-- > 0;)
    labels[i].placed =
        std::min(labels[i].placed, 1.0 - gap * static_cast<double>(labels.size() - 1 - i));
  for (std::size_t i = 0; i < labels.size(); ++i)
    labels[i].placed = std::max(labels[i].placed, gap * static_cast<double>(i));
}

double tick_room(const Figure& figure) {
  std::size_t longest = 0;
  for (const Tick& tick : figure.y.ticks) longest = std::max(longest, tick.label.size());
  return 18.0 + kCharacterWidth * static_cast<double>(longest);
}

bool has_two_rows(const Axis& axis) {
  return !axis.ticks.empty() && axis.ticks.front().label.find('\n') != std::string::npos;
}

}  // namespace

Layout wide_layout(const Figure& figure) {
  Layout layout{figure.width, figure.height, {}, {shortened(figure.title, kMaxTitle)}, {}, {}, {}};
  if (!figure.warning.empty()) layout.warning = {figure.warning};
  layout.x_title = {figure.x.title};
  layout.labels = end_labels(figure);
  std::size_t longest = 0;
  for (const EndLabel& label : layout.labels) longest = std::max(longest, label.text.size());
  const double right = 40.0 + kCharacterWidth * static_cast<double>(longest);
  const double bottom = has_two_rows(figure.x) ? 84.0 : 60.0;
  const double top =
      36.0 + (figure.marks.empty() ? 0.0 : kRow) + (figure.warning.empty() ? 0.0 : kRow);
  Frame& frame = layout.frame;
  frame = {tick_room(figure) / figure.width, 1.0 - right / figure.width, bottom / figure.height,
           1.0 - top / figure.height};
  spread(layout.labels, kLabelGap / (figure.height * (frame.top - frame.bottom)));
  return layout;
}

Layout narrow_layout(const Figure& figure) {
  Layout layout;
  layout.title = wrapped(figure.title, kNarrowCharacters);
  layout.warning = wrapped(figure.warning, kNarrowCharacters);
  layout.x_title = wrapped(figure.x.title, kNarrowCharacters);
  const auto rows = [](const std::vector<std::string>& words) {
    return kRow * static_cast<double>(words.size());
  };
  const double top =
      16.0 + rows(layout.title) + rows(layout.warning) + (figure.marks.empty() ? 0.0 : kRow);
  const double bottom = (has_two_rows(figure.x) ? 50.0 : 32.0) + rows(layout.x_title);
  const double height = top + kNarrowAxesHeight + bottom;
  layout.width = kNarrowWidth;
  layout.height = static_cast<int>(height);
  layout.frame = {tick_room(figure) / kNarrowWidth, 1.0 - 14.0 / kNarrowWidth, bottom / height,
                  1.0 - top / height};
  return layout;
}

bool has_band(const Series& series) {
  return std::any_of(series.points.begin(), series.points.end(),
                     [](const PlotPoint& point) { return point.high > point.low; });
}

std::size_t marker_stride(const Series& series) {
  return std::max<std::size_t>(1, series.points.size() / 10);
}

}  // namespace longspan::report
