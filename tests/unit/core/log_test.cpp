#include "longspan/core/log.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/files.h"
#include "longspan/core/progress.h"
#include "support/temporary_folder.h"
#include "unit/core/error_of.h"

namespace longspan {
namespace {

using testing::TemporaryFolder;

// Puts another file in the place of stderr, and the log into its first state, for one test.
class Redirected {
 public:
  explicit Redirected(int target) : saved_(dup(STDERR_FILENO)) {
    dup2(target, STDERR_FILENO);
    log::set_level(log::Level::Info);
    log::set_rank(0);
    log::set_step(-1);
  }
  ~Redirected() {
    log::end_progress();
    log::remove_file();
    std::fflush(stderr);
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }
  Redirected(const Redirected&) = delete;
  Redirected& operator=(const Redirected&) = delete;

 private:
  int saved_;
};

// Puts "@" for the time that each line begins with; a line without one stays as it is.
std::string without_times(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000+00:00 ";
  std::string lines;
  while (!text.empty()) {
    std::string form(text.substr(0, kForm.size()));
    for (char& c : form) {
      if (std::isdigit(static_cast<unsigned char>(c)) != 0) c = '0';
    }
    if (form.size() > 23 && form[23] == '-') form[23] = '+';
    if (form == kForm) {
      text.remove_prefix(kForm.size());
      lines += '@';
    }
    const std::size_t length = std::min(text.find('\n'), text.size() - 1) + 1;
    lines += text.substr(0, length);
    text.remove_prefix(length);
  }
  return lines;
}

// Collects in a file what action logs, and returns it without the times.
template <class Action>
std::string logged_by(Action action) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "stderr";
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND, 0600);
  REQUIRE(file >= 0);
  {
    const Redirected redirected(file);
    action();
  }
  close(file);
  return without_times(read_file(path));
}

// Returns what action writes to a terminal of the given width.
template <class Action>
std::string shown_by(unsigned short columns, Action action) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  REQUIRE(grantpt(terminal) == 0);
  REQUIRE(unlockpt(terminal) == 0);
  const int screen = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  REQUIRE(screen >= 0);
  const winsize size{24, columns, 0, 0};
  REQUIRE(ioctl(terminal, TIOCSWINSZ, &size) == 0);
  {
    const Redirected redirected(screen);
    action();
  }
  close(screen);
  // The text arrives in pieces; once the screen is closed, its end is an error
  // (EIO).
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(terminal, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  close(terminal);
  return text;
}

TEST_CASE("a line has time, level, rank, step, words and fields") {
  const std::string text = logged_by([] {
    log::info("saved checkpoint", {{"path", "runs/a"}, {"seconds", 1.5}});
    log::set_rank(3);
    log::set_step(12);
    log::warn("skipping");
    log::error("lost a rank", {{"rank", 2}});
  });
  CHECK(text ==
        "@info rank=0 saved checkpoint path=runs/a seconds=1.5\n"
        "@warn rank=3 step=12 skipping\n"
        "@error rank=3 step=12 lost a rank rank=2\n");
}

TEST_CASE("a line stays one line whatever it holds") {
  const std::string text = logged_by([] {
    log::info("a\nb", {{"empty", ""}, {"spaced", "x y"}, {"broken", "1\r\n2"}, {"plain", "{}%"}});
  });
  CHECK(text == "@info rank=0 a\\nb empty=\"\" spaced=\"x y\" broken=1\\r\\n2 plain={}%\n");
}

TEST_CASE("a line holds nothing that a terminal obeys, and is UTF-8") {
  const auto hostile = [] {
    log::info("a\x1b[2Jb", {{"bytes", "\xff\xC3\xA9"}, {"tab", "x\ty"}});
    log::progress("c\x07");
    log::warn(std::string(100000, 'x'));
  };
  const std::string text = logged_by(hostile);
  CHECK(
      text.starts_with("@info rank=0 a\\x1b[2Jb bytes=\\xff\xC3\xA9 tab=\"x\\ty\"\n"
                       "@info rank=0 c\\x07\n@warn rank=0 xxx"));
  CHECK(text.find(" ... (98000 bytes left out) ... ") != std::string::npos);
}

TEST_CASE("the level decides what is written") {
  const auto all = [] {
    log::debug("d");
    log::info("i");
    log::progress("p");
    log::warn("w");
    log::error("e");
  };
  const auto at = [&](const char* name) {
    return logged_by([&] {
      log::set_level(log::parse_level(name));
      all();
    });
  };
  CHECK(at("debug") ==
        "@debug rank=0 d\n@info rank=0 i\n@info rank=0 p\n@warn rank=0 w\n@error rank=0 e\n");
  CHECK(at("info") == "@info rank=0 i\n@info rank=0 p\n@warn rank=0 w\n@error rank=0 e\n");
  CHECK(at("warn") == "@warn rank=0 w\n@error rank=0 e\n");
  CHECK(at("error") == "@error rank=0 e\n");
  CHECK(at("off") == "");
}

TEST_CASE("an unknown level is refused") {
  const Error error = testing::error_of([] { log::parse_level("loud"); });
  CHECK(error.kind() == ErrorKind::Config);
  CHECK(error.what() == std::string("log level must be debug, info, warn, error or off, got loud"));
}

TEST_CASE("ranks other than 0 are silent about what goes well") {
  const std::string text = logged_by([] {
    log::set_rank(1);
    log::set_level(log::Level::Debug);
    log::info("i");
    log::progress("p");
    log::debug("d");
    log::warn("w");
  });
  CHECK(text == "@debug rank=1 d\n@warn rank=1 w\n");
}

TEST_CASE("the file gets every line, behind what it held") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "log.txt";
  write_file_durably(path, "before\n");
  logged_by([&] {
    log::info("not yet");
    log::add_file(path);
    log::info("one");
    CHECK(read_file(path).ends_with("info rank=0 one\n"));
    log::progress("two");
    log::remove_file();
    log::info("no longer");
  });
  const std::string text = read_file(path);
  CHECK(text.starts_with("before\n"));
  CHECK(text.find("not yet") == std::string::npos);
  CHECK(text.ends_with("info rank=0 two\n"));
}

TEST_CASE("a log file whose folder is removed is made again") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "run" / "log.txt";
  const std::string text = logged_by([&] {
    make_folder(path.parent_path());
    log::add_file(path);
    log::info("one");
    std::filesystem::remove_all(path.parent_path());
    log::info("two");
    std::filesystem::remove_all(path.parent_path());
    write_file_durably(path.parent_path(), "in the way");
    log::info("three");
    log::info("four");
  });
  CHECK(
      text.starts_with("@info rank=0 one\n@info rank=0 two\n@info rank=0 three\n"
                       "@warn rank=0 going on without the log file reason="));
  CHECK(text.ends_with("\n@info rank=0 four\n"));
}

TEST_CASE("a log file that is moved away is begun anew") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "log.txt", old = folder.path() / "old.txt";
  logged_by([&] {
    log::add_file(path);
    log::info("one");
    std::filesystem::rename(path, old);
    log::info("two");
  });
  CHECK(read_file(old).ends_with("info rank=0 one\n"));
  CHECK(read_file(path).find("one") == std::string::npos);
  CHECK(read_file(path).ends_with("info rank=0 two\n"));
}

TEST_CASE("a log file that cannot be opened is an Io error") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "absent" / "log.txt";
  const Error error = testing::error_of([&] { log::add_file(path); });
  CHECK(error.kind() == ErrorKind::Io);
  CHECK(error.what() ==
        concat(path.string(), ": cannot open for writing: No such file or directory"));
}

TEST_CASE("a log file on a full disk is given up with a warning") {
  const std::string text = logged_by([] {
    log::add_file("/dev/full");
    log::info("one");
    log::info("two");
  });
  CHECK(text.starts_with("@info rank=0 one\n@warn rank=0 going on without the log file reason="));
  CHECK(text.find("No space left on device") != std::string::npos);
  CHECK(text.ends_with("\"\n@info rank=0 two\n"));
}

TEST_CASE("progress on a terminal replaces itself and makes way for other lines") {
  const std::string text = shown_by(80, [] {
    log::progress("step 1");
    log::progress("step 2");
    log::warn("careful");
    log::progress("step 3");
    log::end_progress();
    log::end_progress();
  });
  const std::string erase = "\r\x1b[K";
  const std::string before = erase + "step 1" + erase + "step 2" + erase;
  REQUIRE(text.starts_with(before));
  CHECK(without_times(text.substr(before.size())) ==
        "@warn rank=0 careful\r\n" + erase + "step 3\r\n");
}

TEST_CASE("progress on a terminal is cut to its width and still logged whole") {
  const TemporaryFolder folder;
  const std::string text = shown_by(10, [&] {
    log::add_file(folder.path() / "log.txt");
    log::progress("0123456789abc");
  });
  CHECK(text == "\r\x1b[K012345678\r\n");
  CHECK(read_file(folder.path() / "log.txt").ends_with("info rank=0 0123456789abc\n"));
}

TEST_CASE("progress over bytes is a live line on a terminal, which goes with the work") {
  const auto work = [](std::chrono::milliseconds between_lines) {
    ByteProgress progress("encode data.train", 4000000, between_lines);
    progress.add(1000000);  // too soon to be told
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    progress.add(1000000);
    progress.add(0);
  };
  const std::string erase = "\r\x1b[K";
  const std::string text = shown_by(80, [&] { work(std::chrono::seconds(30)); });
  CHECK(text.starts_with(erase + "encode data.train | 50 % of 4.0 MB | "));
  CHECK(text.ends_with(" MB/s | 0:00 left" + erase));
  CHECK(std::ranges::count(text, '%') == 1);

  CHECK(logged_by([&] { work(std::chrono::seconds(30)); }).empty());
  const std::string line = logged_by([&] { work(std::chrono::milliseconds(200)); });
  CHECK(line.starts_with("@info rank=0 encode data.train | 50 % of 4.0 MB | "));
  CHECK(line.ends_with(" MB/s | 0:00 left\n"));
  CHECK(std::ranges::count(line, '\n') == 1);
  const auto quiet = [&] {
    log::set_level(log::Level::Warn);
    work(std::chrono::milliseconds(200));
  };
  CHECK(logged_by(quiet).empty());
  CHECK(shown_by(80, quiet).empty());
}

TEST_CASE("progress over more bytes than were foreseen ends at its whole") {
  const std::string line = logged_by([] {
    ByteProgress progress("a", 10, std::chrono::milliseconds(0));
    progress.add(2000000);
  });
  CHECK(line.starts_with("@info rank=0 a | 100 % of 2.0 MB | "));
  CHECK(logged_by([] {
          ByteProgress("a", 0, std::chrono::milliseconds(0)).add(0);
        }).starts_with("@info rank=0 a | 0 % of 0.0 MB | "));
}

TEST_CASE("clock texts") {
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(123.4) == "2:03");
  CHECK(clock_text(3723) == "1:02:03");
  CHECK(time_left_text(123.4, 0.5) == " | 2:03 left");
  CHECK(time_left_text(3, 1) == " | 0:00 left");
  CHECK(time_left_text(3, 0).empty());
  CHECK(time_left_text(3, 1e-6).empty());
}

TEST_CASE("lines of many threads do not mix") {
  const std::string text = logged_by([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 250; ++i) log::info("line", {{"thread", t}, {"text", "0123456789"}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  std::string_view left = text;
  std::array<int, 4> counts{};
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    for (std::size_t t = 0; t < 4; ++t) {
      if (line == concat("@info rank=0 line thread=", t, " text=0123456789")) ++counts[t];
    }
    left.remove_prefix(std::min(line.size() + 1, left.size()));
  }
  CHECK(counts == std::array{250, 250, 250, 250});
}

}  // namespace
}  // namespace longspan
