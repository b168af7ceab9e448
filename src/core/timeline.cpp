#include "longspan/core/timeline.h"

#include "longspan/core/files.h"
#include "longspan/core/json.h"

namespace longspan {
namespace {

constexpr int kLanes = 2;  // the device's rows stand below those of the host

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

Json event(const std::string& name, int rank, int row, Timeline::Clock::time_point begin,
           Timeline::Clock::time_point end) {
  return {{"ph", "X"},
          {"name", name},
          {"pid", rank},
          {"tid", row},
          {"ts", microseconds(begin.time_since_epoch())},
          {"dur", microseconds(end - begin)}};
}

}  // namespace

Timeline::Moment Timeline::now() const {
  return {Clock::now(), device_ ? std::optional(device_->mark()) : std::nullopt};
}

void Timeline::add(std::string name, Lane lane, const Moment& begin, const Moment& end) {
  const std::lock_guard lock(mutex_);
  spans_.push_back({std::move(name), lane, begin, end});
}

void Timeline::write(const std::filesystem::path& path, int rank) const {
  const std::lock_guard lock(mutex_);
  Json events = Json::array({row_name(rank, 0, "compute"), row_name(rank, 1, "communication")});
  for (const Span& span : spans_)
    events.push_back(
        event(span.name, rank, static_cast<int>(span.lane), span.begin.host, span.end.host));
  if (device_) {
    events.push_back(row_name(rank, kLanes, "GPU"));
    events.push_back(row_name(rank, kLanes + 1, "GPU communication"));
    const auto times = device_->read();
    for (const Span& span : spans_)
      if (span.begin.mark && span.end.mark)
        events.push_back(event(span.name, rank, kLanes + static_cast<int>(span.lane),
                               times.at(*span.begin.mark), times.at(*span.end.mark)));
  }
  write_json(path, {{"traceEvents", events}});
}

TimelineSpan::TimelineSpan(Timeline* timeline, std::string name, Timeline::Lane lane)
    : timeline_(timeline), name_(std::move(name)), lane_(lane) {
  if (timeline_ != nullptr) begin_ = timeline_->now();
}

TimelineSpan::~TimelineSpan() {
  if (timeline_ != nullptr) timeline_->add(std::move(name_), lane_, begin_, timeline_->now());
}

}  // namespace longspan
