// The page in a headless Chromium, at the widths of a phone and of a desk. Without one it is
// skipped; LONGSPAN_TEST_BROWSER names another program than chromium.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>

#include "longspan/core/error.h"
#include "longspan/report/report.h"
#include "report/numbers.h"
#include "support/temporary_folder.h"
#include "unit/report/run_writer.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::ContainsSubstring;
using testing::RunWriter;
using testing::TemporaryFolder;

constexpr const char* kMarkup = "</script><img src=x onerror=alert(1)>&\"'";

std::string browser() {
  const char* named = std::getenv("LONGSPAN_TEST_BROWSER");
  const std::string program = named != nullptr ? named : "chromium";
  const bool works = std::system(("'" + program + "' --version > /dev/null 2>&1").c_str()) == 0;
  if (!works) SKIP("no browser: " << program << " --version does not run");
  return program;
}

// Collects what the page complains of, before anything of it runs.
constexpr const char* kListen = R"(<script>
const complaints = [];
addEventListener('error', event => complaints.push(String(event.message)), true);
for (const kind of ['error', 'warn'])
  console[kind] = (...words) => complaints.push(words.join(' '));
</script>)";

// Walks through each plot that is shown by its keys, then clicks the first name of the first
// legend, and tells the page around what it saw.
constexpr const char* kUse = R"(<script>
const seen = {complaints, plots: [], scrolls: document.documentElement.scrollWidth > innerWidth,
              ground: getComputedStyle(document.body).backgroundColor};
const isShown = part => getComputedStyle(part).display !== 'none';
const tips = figure => [...figure.querySelectorAll('.tip:not([hidden]) > div')].map(row =>
  [...row.querySelectorAll('span, b, small')].map(part => part.textContent));
const press = (plot, key) =>
  plot.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
const figures = [...document.querySelectorAll('figure')];
for (const figure of figures) {
  const plots = [...figure.querySelectorAll('.plot')].filter(isShown);
  const stops = [];
  press(plots[0], 'Home');
  for (let head = ''; stops.length < 1000;) {
    const now = figure.querySelector('.tip p').textContent;
    if (now === head) break;
    head = now;
    const tip = figure.querySelector('.tip').getBoundingClientRect();
    stops.push({head, rows: tips(figure), inside: tip.left >= 0 && tip.right <= innerWidth});
    press(plots[0], 'ArrowRight');
  }
  press(plots[0], 'Escape');
  seen.plots.push({count: plots.length, form: plots[0].classList[1], stops,
                   ended: tips(figure).length === 0});
}
const box = figures[0].querySelector('.plot.' + seen.plots[0].form).getBoundingClientRect();
const point = (kind, x) => figures[0].querySelector('.plot.' + seen.plots[0].form).dispatchEvent(
  new PointerEvent(kind, {clientX: x, clientY: box.top + 60, pointerType: 'mouse', bubbles: true}));
point('pointermove', box.left + box.width * .2);
seen.pointed = [figures[0].querySelector('.tip p').textContent, tips(figures[0])];
point('pointerleave', 0);
seen.left = tips(figures[0]).length;
const button = figures[0].querySelector('.lines button');
const parts = () => [...figures[0].querySelectorAll('.plot.' + seen.plots[0].form + ' [data-line]')];
const before = parts().filter(isShown).length;
button.click();
seen.hidden = {pressed: button.getAttribute('aria-pressed'), fewer: before - parts().filter(isShown).length};
point('pointermove', box.left + box.width * .2);
seen.hidden.rows = tips(figures[0]).length;
button.click();
seen.hidden.again = parts().filter(isShown).length === before;
seen.images = document.querySelectorAll('img').length;
seen.text = document.body.innerText;
setTimeout(() => parent.postMessage(JSON.stringify(seen), '*'), 100);
</script>)";

std::string decoded(std::string html) {
  const std::pair<std::string, std::string> kEntities[] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&nbsp;", "\u00a0"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : kEntities)
    for (std::size_t at = 0; (at = html.find(entity, at)) != std::string::npos; ++at)
      html.replace(at, entity.size(), character);
  return html;
}

// At each load tells whether the first line and the first fold are shown, then hides the one and
// opens the other.
constexpr const char* kChange = R"(<script>
const button = document.querySelector('.lines button'), fold = document.querySelector('details');
parent.postMessage(JSON.stringify({complaints, pressed: button.getAttribute('aria-pressed'),
                                   open: fold.open}), '*');
if (button.getAttribute('aria-pressed') === 'true') button.click();
fold.open = true;
</script>)";

// Returns what a script tells that is put into the page, each time that the page loads. A browser's
// window has a least width, so the page is in a frame.
Json told_by(const char* script, const fs::path& page, int width, const std::string& more = "") {
  const std::string program = browser();
  const fs::path folder = page.parent_path();
  std::string used = read_file(page);
  used.insert(used.find("<meta charset"), kListen);
  used.insert(used.rfind("</body>"), script);
  write_file_durably(folder / "used.html", used);
  write_file_durably(
      folder / "frame.html",
      concat("<!DOCTYPE html><meta charset=utf-8><iframe src=\"used.html\" style=\"border:0;width:",
             width,
             "px;height:3000px\"></iframe><pre></pre><script>const all = []; "
             "addEventListener('message', e => { all.push(JSON.parse(e.data)); "
             "document.querySelector('pre').textContent = JSON.stringify(all); })</script>"));
  const std::string out = (folder / "dom").string(), log = (folder / "browser-log").string();
  const int code = std::system(
      concat("timeout 300 '", program,
             "' --headless --no-sandbox --disable-gpu --disable-dev-shm-usage ",
             "--user-data-dir='", (folder / "profile").string(), "' --enable-logging=stderr ",
             "--virtual-time-budget=20000 ", more, " --dump-dom 'file://",
             (folder / "frame.html").string(), "' > '", out, "' 2> '", log, "'")
          .c_str());
  REQUIRE(code == 0);
  const std::string messages = read_file(log);
  INFO(messages);
  CHECK(messages.find(":CONSOLE") == std::string::npos);
  const std::string dom = read_file(out);
  const std::size_t start = dom.find("<pre>") + 5;
  const std::string told = decoded(dom.substr(start, dom.find("</pre>", start) - start));
  INFO(told);
  REQUIRE(told.starts_with("["));
  return Json::parse(told);
}

// Returns what a reader of the page sees at a width.
Json look_at(const fs::path& page, int width, const std::string& more = "") {
  return told_by(kUse, page, width, more).at(0);
}

std::vector<fs::path> write_runs(const fs::path& folder) {
  std::vector<fs::path> runs;
  for (int i = 0; i < 3; ++i) {
    RunWriter run{folder / std::to_string(i), concat(i, kMarkup), i < 2 ? "alibi" : "sinusoidal",
                  16, i + 1};
    run.config();
    run.environment();
    run.metrics();
    const RunWriter first{folder / "0", concat(0, kMarkup)};
    std::vector<Json> comparisons;
    if (i > 0) comparisons.push_back(run.comparison(first, 32, 0.1 * i));
    run.evaluation("test",
                   {run.cell(16, 20.0 + 0.7 * i), run.full_cell(32, 99.5 + i),
                    run.full_cell(64, 1234568.0 * (i + 1)), run.cell(128, 3.25e8)},
                   comparisons);
    runs.push_back(run.folder);
  }
  return runs;
}

// The values of the JSON file at an x, as the page's tables write them; the highest first.
std::vector<std::string> values_at(const Json& figure, double x) {
  std::vector<double> values;
  for (const Json& series : figure["series"])
    for (const Json& point : series["points"])
      if (point["x"] == x) values.push_back(point["y"]);
  std::sort(values.rbegin(), values.rend());
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(report::perplexity(value));
  return texts;
}

void check_values(const Json& seen, const Json& numbers) {
  std::vector<Json> figures(numbers["extrapolation"].begin(), numbers["extrapolation"].end());
  figures.insert(figures.end(), numbers["context"].begin(), numbers["context"].end());
  figures.insert(figures.end(), numbers["training"].begin(), numbers["training"].end());
  REQUIRE(seen["plots"].size() == figures.size());
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const Json& stops = seen["plots"][i]["stops"];
    CHECK(stops.size() == figures[i]["series"][0]["points"].size());
    CHECK(seen["plots"][i]["ended"] == true);
    for (const Json& stop : stops) {
      const std::string head = stop["head"];
      INFO(figures[i]["name"] << " " << head);
      CHECK(stop["inside"] == true);
      std::vector<std::string> values;
      for (const Json& row : stop["rows"]) values.push_back(row[1]);
      CHECK(values == values_at(figures[i], std::stod(head.substr(head.find(' ')))));
    }
  }
}

TEST_CASE(
    "a browser shows the page at a phone's width: no scrolling, every value of the JSON file") {
  const TemporaryFolder folder;
  const fs::path page = folder.path() / "r.html";
  write_report(write_runs(folder.path()), page);
  for (const int width : {360, 1280}) {
    INFO(width);
    const Json seen = look_at(page, width);
    CHECK(seen["complaints"].empty());
    CHECK(seen["scrolls"] == false);
    for (const Json& plot : seen["plots"]) {
      CHECK(plot["count"] == 1);
      CHECK(plot["form"] == (width == 360 ? "narrow" : "wide"));
    }
    check_values(seen, read_json(folder.path() / "r.json"));
    CHECK(seen["pointed"][0].get<std::string>().starts_with("length "));
    CHECK(seen["pointed"][1].size() == 2);
    CHECK(seen["pointed"][1][1][2].get<std::string>().starts_with("95 %: "));
    CHECK(seen["left"] == 0);
    CHECK(seen["hidden"]["pressed"] == "false");
    CHECK(seen["hidden"]["fewer"] == (width == 360 ? 2 : 3));  // band, line, name
    CHECK(seen["hidden"]["rows"] == 1);
    CHECK(seen["hidden"]["again"] == true);
    CHECK(seen["images"] == 0);
    CHECK_THAT(seen["text"].get<std::string>(),
               ContainsSubstring(concat("0", kMarkup)) &&
                   ContainsSubstring(concat("against 0", kMarkup)) &&
                   ContainsSubstring("Gain over the trained length"));
  }
}

TEST_CASE("a browser that is asked for dark pages shows a dark one") {
  const TemporaryFolder folder;
  const fs::path page = folder.path() / "r.html";
  write_report(write_runs(folder.path()), page);
  CHECK(look_at(page, 360)["ground"] == "rgb(255, 255, 255)");
  CHECK(look_at(page, 360, "--blink-settings=preferredColorScheme=0")["ground"] ==
        "rgb(20, 24, 29)");
}

TEST_CASE("a browser loads a watched page anew, with lines hidden and parts open as before") {
  const TemporaryFolder folder;
  const fs::path page = folder.path() / "r.html";
  ReportWatch watch(write_runs(folder.path()), page, std::nullopt, 1);
  watch.look();
  const Json loads = told_by(kChange, page, 360);
  REQUIRE(loads.size() > 2);
  for (std::size_t i = 0; i < loads.size(); ++i) {
    INFO(i);
    CHECK(loads[i]["complaints"].empty());
    CHECK(loads[i]["pressed"] == (i == 0 ? "true" : "false"));
    CHECK(loads[i]["open"] == (i > 0));
  }
  watch.finish();
  CHECK(told_by(kChange, page, 360).size() == 1);
}

}  // namespace
}  // namespace longspan
