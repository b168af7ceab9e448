// Looks of lines: fixed by the method, apart from each other.
#include "report/look.h"

#include <catch2/catch_test_macros.hpp>
#include <set>
#include <tuple>

#include "report/comparison.h"
#include "report/figures.h"

namespace longspan::report {
namespace {

bool same(const Look& a, const Look& b) {
  return std::string(a.colour) == b.colour && a.marker == b.marker &&
         std::string(a.dashes) == b.dashes;
}

// Of several lines, counting each look once.
std::size_t num_different(const std::vector<Look>& looks) {
  std::set<std::tuple<std::string, int, std::string>> different;
  for (const Look& look : looks) different.insert({look.colour, look.marker, look.dashes});
  return different.size();
}

TEST_CASE("the first line of a method looks the same on every page") {
  const auto alone = looks_of({"rotary"});
  const auto among = looks_of({"t5", "alibi", "rotary", "rotary", "sinusoidal"});
  const auto reversed = looks_of({"sinusoidal", "rotary", "alibi", "t5"});
  CHECK(same(alone[0], among[2]));
  CHECK(same(reversed[1], among[2]));
  CHECK(same(reversed[2], among[1]));
  CHECK(same(reversed[3], among[0]));
  CHECK(std::string(among[1].colour) == "#0072b2");
}

TEST_CASE("a report's lines and curves have the looks of their methods") {
  std::vector<Run> runs(2);
  for (const auto i : {0u, 1u}) {
    Cell cell;
    runs[i].name = cell.run = i == 0 ? "a" : "b";
    runs[i].method = cell.method = i == 0 ? "t5" : "alibi";
    runs[i].evaluations = {{"valid", {cell}}};
  }
  const auto expected = looks_of({"t5", "alibi"});
  const Lines lines(runs, Modes::PlotEach);
  CHECK(same(lines.look(lines.of_training(runs[1])), expected[1]));
  const auto comparison = compare(runs, lines, Modes::PlotEach).at(0);
  CHECK(same(comparison.curves.at(0).look, expected[0]));
  CHECK(same(extrapolation_figure(comparison, "f").series.at(1).look, expected[1]));
}

TEST_CASE("methods differ in look, the paper's four in colour from all others") {
  const std::vector<std::string> methods{"alibi",  "sinusoidal", "rotary", "t5",
                                         "fire",   "none",       "xpos",   "alibi_learned",
                                         "kerple", "cope",       "learned"};
  const auto looks = looks_of(methods);
  CHECK(num_different(looks) == methods.size());
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t other = i + 1; other < looks.size(); ++other)
      CHECK(std::string(looks[i].colour) != looks[other].colour);
}

TEST_CASE("lines of one method differ in marker and dashes beside another method's, else in all") {
  const auto beside = looks_of({"alibi", "alibi", "t5", "alibi", "t5", "alibi"});
  CHECK(num_different(beside) == 6);
  CHECK(std::string(beside[0].colour) == beside[1].colour);
  CHECK(beside[0].marker != beside[1].marker);
  CHECK(std::string(beside[0].dashes) != beside[1].dashes);
  const auto only = looks_of(std::vector<std::string>(35, "xpos"));
  CHECK(num_different(only) == 35);
  for (std::size_t i = 1; i < only.size(); ++i) {
    CHECK(std::string(only[i - 1].colour) != only[i].colour);
    CHECK(only[i - 1].marker != only[i].marker);
    CHECK(std::string(only[i - 1].dashes) != only[i].dashes);
  }
}

}  // namespace
}  // namespace longspan::report
