// The numbers of figures.
#include "report/figure.h"

namespace longspan::report {
namespace {

Json to_json(const PlotPoint& point) {
  Json json{{"x", point.x}, {"y", point.y}, {"low", point.low}, {"high", point.high}};
  if (point.interval) json["interval"] = {point.interval->low, point.interval->high};
  return json;
}

Json to_page_json(const PlotPoint& point) {
  Json json{point.x, point.y};
  const bool has_range = point.high > point.low;
  if (has_range || point.interval) {
    json.push_back(has_range ? Json(point.low) : Json());
    json.push_back(has_range ? Json(point.high) : Json());
  }
  if (point.interval) {
    json.push_back(point.interval->low);
    json.push_back(point.interval->high);
  }
  return json;
}

Json to_page_json(const Axis& axis) { return {axis.low, axis.high, axis.logarithmic}; }

}  // namespace

Json to_json(const Figure& figure) {
  Json document{{"name", figure.name}, {"title", figure.title}, {"warning", figure.warning}};
  document["marks"] = Json::array();
  for (const Tick& mark : figure.marks) document["marks"].push_back(mark.value);
  document["series"] = Json::array();
  for (const Series& series : figure.series) {
    Json points = Json::array();
    for (const PlotPoint& point : series.points) points.push_back(to_json(point));
    document["series"].push_back(
        {{"label", series.label}, {"runs", series.runs}, {"points", points}});
  }
  return document;
}

Json to_page_json(const Figure& figure) {
  Json series = Json::array();
  for (const Series& each : figure.series) {
    Json points = Json::array();
    for (const PlotPoint& point : each.points) points.push_back(to_page_json(point));
    series.push_back({{"label", each.label},
                      {"line", each.line},
                      {"colour", each.look.colour},
                      {"runs", each.runs},
                      {"points", points}});
  }
  return {{"name", figure.name},
          {"x_name", figure.x_name},
          {"x", to_page_json(figure.x)},
          {"y", to_page_json(figure.y)},
          {"series", series}};
}

}  // namespace longspan::report
