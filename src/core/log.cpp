// The log. Lines are composed here and handed to spdlog, which adds the time and writes them. The
// live line of progress is kept out of spdlog: it is erased before any other line is written.
#include "longspan/core/log.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>

#include "core/live_line.h"
#include "longspan/core/escaped.h"
#include "longspan/core/files.h"

namespace longspan::log {
namespace {

constexpr char kPattern[] = "%Y-%m-%dT%H:%M:%S.%e%z %v";
constexpr char kEraseLine[] = "\r\x1b[K";

// Makes the file and its folder again when someone removes them.
class FileSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FileSink(std::filesystem::path path)
      : path_(std::move(path)), file_(std::in_place, path_, FileWriter::Mode::Append) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (file_->is_lost()) {
      if (path_.has_parent_path()) make_folder(path_.parent_path());
      file_.emplace(path_, FileWriter::Mode::Append);
    }
    file_->write(std::string_view(line.data(), line.size()));
    file_->flush();
  }
  void flush_() override {}

  std::filesystem::path path_;
  std::optional<FileWriter> file_;
};

struct State {
  std::mutex mutex;
  Level level = Level::Info;
  int rank = 0;
  std::int64_t step = -1;
  bool live = false;
  std::string failure;
  spdlog::logger terminal{"stderr", std::make_shared<spdlog::sinks::stderr_sink_st>()};
  std::unique_ptr<spdlog::logger> file;

  State() { prepare(terminal); }

  void prepare(spdlog::logger& logger) {
    logger.set_pattern(kPattern);
    logger.set_level(spdlog::level::trace);
    logger.flush_on(spdlog::level::trace);
    logger.set_error_handler([this](const std::string& text) { failure = text; });
  }
};

// Never destroyed: destructors of static objects may still log.
State& state() {
  static State& only = *new State;
  return only;
}

std::string_view name_of(Level level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warn", "error", "off"};
  return kNames[static_cast<int>(level)];
}

void append_field(std::string& line, const Field& field) {
  line += ' ';
  line += field.key;
  line += '=';
  const bool quoted =
      field.value.empty() || field.value.find_first_of(" \t\"=") != std::string::npos;
  if (quoted) line += '"';
  line += shown(field.value);
  if (quoted) line += '"';
}

std::string compose(const State& s, Level level, std::string_view message, Fields fields) {
  std::string line(name_of(level));
  line += concat(" rank=", s.rank);
  if (s.step >= 0) line += concat(" step=", s.step);
  line += ' ';
  line += shown(message);
  for (const Field& field : fields) append_field(line, field);
  return line;
}

bool is_written(const State& s, Level level) {
  return level >= s.level && !(level == Level::Info && s.rank != 0);
}

void erase_live_line(State& s) {
  if (!s.live) return;
  std::fputs(kEraseLine, stderr);
  s.live = false;
}

// Cut to the terminal's width, since a line that wraps cannot be erased. No character has more
// columns than bytes.
void show_live_line(State& s, std::string_view text) {
  std::string line = shown(text);
  winsize window{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;
  if (known && line.size() >= window.ws_col) {
    std::size_t end = window.ws_col - 1u;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;  // in UTF-8
    line.resize(end);
  }
  std::fprintf(stderr, "%s%s", kEraseLine, line.c_str());
  std::fflush(stderr);
  s.live = true;
}

void write_to_terminal(State& s, const std::string& line) {
  erase_live_line(s);
  s.terminal.log(spdlog::level::info, spdlog::string_view_t(line));
}

// A log file that cannot be written, on a full disk say, must not end a run.
void write_to_file(State& s, const std::string& line) {
  if (!s.file) return;
  s.failure.clear();
  s.file->log(spdlog::level::info, spdlog::string_view_t(line));
  if (s.failure.empty()) return;
  s.file.reset();
  write_to_terminal(
      s, compose(s, Level::Warn, "going on without the log file", {{"reason", s.failure}}));
}

void write(Level level, std::string_view message, Fields fields) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!is_written(s, level)) return;
  const std::string line = compose(s, level, message, fields);
  write_to_terminal(s, line);
  write_to_file(s, line);
}

}  // namespace

void set_level(Level level) {
  const std::lock_guard lock(state().mutex);
  state().level = level;
}

Level parse_level(std::string_view name) {
  for (const Level level : {Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Off}) {
    if (name == name_of(level)) return level;
  }
  throw Error(ErrorKind::Config,
              concat("log level must be debug, info, warn, error or off, got ", name));
}

void set_rank(int rank) {
  const std::lock_guard lock(state().mutex);
  state().rank = rank;
}

void set_step(std::int64_t step) {
  const std::lock_guard lock(state().mutex);
  state().step = step;
}

void add_file(const std::filesystem::path& path) {
  auto sink = std::make_shared<FileSink>(path);
  State& s = state();
  const std::lock_guard lock(s.mutex);
  s.file = std::make_unique<spdlog::logger>("file", std::move(sink));
  s.prepare(*s.file);
}

void remove_file() {
  const std::lock_guard lock(state().mutex);
  state().file.reset();
}

void debug(std::string_view message, Fields fields) { write(Level::Debug, message, fields); }
void info(std::string_view message, Fields fields) { write(Level::Info, message, fields); }
void warn(std::string_view message, Fields fields) { write(Level::Warn, message, fields); }
void error(std::string_view message, Fields fields) { write(Level::Error, message, fields); }

void progress(std::string_view line) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!is_written(s, Level::Info)) return;
  const std::string text = compose(s, Level::Info, line, {});
  if (::isatty(STDERR_FILENO) == 1) {
    show_live_line(s, line);
  } else {
    write_to_terminal(s, text);
  }
  write_to_file(s, text);
}

void show_live(std::string_view line) {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (line.empty())
    erase_live_line(s);
  else if (is_written(s, Level::Info) && ::isatty(STDERR_FILENO) == 1)
    show_live_line(s, line);
}

void end_progress() {
  State& s = state();
  const std::lock_guard lock(s.mutex);
  if (!s.live) return;
  std::fputs("\n", stderr);
  s.live = false;
}

}  // namespace longspan::log
