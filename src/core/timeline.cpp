#include "longspan/core/timeline.h"

#include "longspan/core/files.h"
#include "longspan/core/json.h"

namespace longspan {
namespace {

double microseconds(Timeline::Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

Json row_name(int rank, int row, const char* name) {
  return {{"ph", "M"},
          {"name", "thread_name"},
          {"pid", rank},
          {"tid", row},
          {"args", {{"name", name}}}};
}

}  // namespace

void Timeline::add(std::string name, Lane lane, Clock::time_point begin, Clock::time_point end) {
  const std::lock_guard lock(mutex_);
  spans_.push_back({std::move(name), lane, begin, end});
}

void Timeline::write(const std::filesystem::path& path, int rank) const {
  const std::lock_guard lock(mutex_);
  Json events = Json::array({row_name(rank, 0, "compute"), row_name(rank, 1, "communication")});
  for (const Span& span : spans_)
    events.push_back({{"ph", "X"},
                      {"name", span.name},
                      {"pid", rank},
                      {"tid", static_cast<int>(span.lane)},
                      {"ts", microseconds(span.begin.time_since_epoch())},
                      {"dur", microseconds(span.end - span.begin)}});
  write_json(path, {{"traceEvents", events}});
}

}  // namespace longspan
