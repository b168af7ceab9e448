// The looks of lines and the numbers of figures.
#include "report/figure.h"

#include <array>

namespace longspan::report {

Look look_of(std::size_t line) {
  // Without the palette's yellow, which is hard to see on white, and its black, on dark.
  static constexpr std::array kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                       "#e69f00", "#56b4e9", "#7f7f7f"};
  static constexpr std::array kMarkers{7, 5, 9, 13, 11, 6, 4};
  static constexpr std::array kDashes{"", "9,4", "3,3", "12,3,3,3", "6,2"};
  return {kColours[line % kColours.size()],
          kMarkers[(line + line / kColours.size()) % kMarkers.size()],
          kDashes[line % kDashes.size()]};
}

Json to_json(const Figure& figure) {
  Json document{{"name", figure.name}, {"title", figure.title}, {"warning", figure.warning}};
  document["marks"] = Json::array();
  for (const Tick& mark : figure.marks) document["marks"].push_back(mark.value);
  document["series"] = Json::array();
  for (const Series& series : figure.series) {
    Json points = Json::array();
    for (const PlotPoint& point : series.points)
      points.push_back({{"x", point.x}, {"y", point.y}, {"low", point.low}, {"high", point.high}});
    document["series"].push_back(
        {{"label", series.label}, {"runs", series.runs}, {"points", points}});
  }
  return document;
}

}  // namespace longspan::report
