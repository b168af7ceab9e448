// The numbers of figures.
#include "report/figure.h"

namespace longspan::report {

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
