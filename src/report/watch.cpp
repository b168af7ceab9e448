// A page that follows its runs. What is watched may be moved, deleted or half written at any
// instant, so each run that was read once stays on the page as it was then.
#include <algorithm>
#include <set>

#include "longspan/core/error.h"
#include "longspan/report/report.h"
#include "report/run_folder.h"
#include "report/written_page.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;

// Returns what an input or the file system is to blame for; "" when nothing went wrong.
template <class Work>
std::string problem_of(const Work& work) {
  try {
    work();
    return "";
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Internal) throw;
    return error.what();
  } catch (const fs::filesystem_error& error) {
    return concat(error.path1().string(), ": must be readable, got ", error.code().message());
  }
}

}  // namespace

class ReportWatch::Watched {
 public:
  Watched(const std::vector<fs::path>& runs, report::PageRequest request)
      : folders_(report::distinct(runs)), request_(std::move(request)) {
    check(!folders_.empty(), ErrorKind::Config,
          "a report needs the folder of at least one run, got none");
    report::check_output(request_.output_html);
  }

  std::vector<std::string> look() {
    const std::string state = state_of_inputs();
    if (runs_.empty()) {
      runs_ = read_all();
      write();
      written_ = state;
      return {};
    }
    if (state == written_) return {};
    std::vector<std::string> fresh = untold(read_anew());
    const std::string refused = problem_of([&] { write(); });
    if (refused.empty())
      written_ = state;
    else if (!is_refused_)  // once: the names of temporary files in it differ
      fresh.push_back(refused);
    is_refused_ = !refused.empty();
    return fresh;
  }

  ReportSummary finish() {
    if (runs_.empty()) runs_ = read_all();
    read_anew();
    request_.reload_seconds.reset();
    return write();
  }

 private:
  std::string state_of_inputs() const {
    std::string state;
    for (const fs::path& folder : folders_) state += report::state_of_files(folder);
    return state;
  }

  std::vector<report::Run> read_all() const {
    std::vector<report::Run> runs;
    for (const fs::path& folder : folders_) runs.push_back(report::read_run(folder));
    return runs;
  }

  // Leaves a run that cannot be read as it is, and notes that for the page.
  std::vector<std::string> read_anew() {
    std::vector<std::string> problems;
    request_.notes.clear();
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      const std::string problem = problem_of([&] { runs_[i] = report::read_run(folders_[i]); });
      if (problem.empty()) continue;
      problems.push_back(problem);
      request_.notes.push_back(runs_[i].name + " is shown as it was read last: " + problem);
    }
    return problems;
  }

  ReportSummary write() {
    std::vector<report::Run> runs = runs_;
    report::tell_apart(runs, folders_);
    return report::write_page(std::move(runs), request_);
  }

  // A problem that went away and came back is told again.
  std::vector<std::string> untold(const std::vector<std::string>& problems) {
    std::vector<std::string> fresh;
    for (const std::string& problem : problems)
      if (!told_.contains(problem)) fresh.push_back(problem);
    told_ = {problems.begin(), problems.end()};
    return fresh;
  }

  std::vector<fs::path> folders_;
  report::PageRequest request_;
  std::vector<report::Run> runs_;  // as they were read last
  std::string written_;            // the state of the inputs that the page shows
  std::set<std::string> told_;
  bool is_refused_ = false;  // the page could not be written at the last look
};

ReportWatch::ReportWatch(const std::vector<fs::path>& runs, fs::path output_html,
                         std::optional<fs::path> reference, int reload_seconds)
    : watched_(std::make_unique<Watched>(
          runs,
          report::PageRequest{std::move(output_html), std::move(reference), reload_seconds})) {}
ReportWatch::~ReportWatch() = default;

std::vector<std::string> ReportWatch::look() { return watched_->look(); }

ReportSummary ReportWatch::finish() { return watched_->finish(); }

}  // namespace longspan
