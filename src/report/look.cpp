// Looks by method. A method has a slot, which decides its colour on every page; a method that this
// file does not know gets one of the free slots by its name.
#include "report/look.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "longspan/core/hash.h"

namespace longspan::report {
namespace {

// Without the palette's yellow, which is hard to see on white, and its black, on dark.
constexpr std::array kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                              "#e69f00", "#56b4e9", "#7f7f7f"};
constexpr std::array kMarkers{7, 5, 9, 13, 11, 6, 4};
constexpr std::array kDashes{"", "9,4", "3,3", "12,3,3,3", "6,2"};

// The first kOwnColours have a colour each, the others share those that are left.
constexpr std::array<std::string_view, 10> kMethods{"alibi",         "sinusoidal", "rotary", "t5",
                                                    "alibi_learned", "xpos",       "kerple", "fire",
                                                    "learned",       "none"};
constexpr std::size_t kOwnColours = 4;
constexpr std::size_t kSharedColours = kColours.size() - kOwnColours;
constexpr std::size_t kSharedSlots = kSharedColours * kDashes.size();

// A slot modulo the number of colours is a colour. Markers and dashes step with it, and once more
// in each further round, so that methods of one colour differ in both.
std::size_t shared_slot(std::size_t number) {
  return number / kSharedColours * kColours.size() + kOwnColours + number % kSharedColours;
}

std::size_t slot_of(std::string_view method) {
  const auto place =
      static_cast<std::size_t>(std::ranges::find(kMethods, method) - kMethods.begin());
  if (place < kOwnColours) return place;
  if (place < kMethods.size()) return shared_slot(place - kOwnColours);
  constexpr std::size_t kTaken = kMethods.size() - kOwnColours;
  return shared_slot(kTaken + stable_hash(method) % (kSharedSlots - kTaken));
}

// Steps of 3 are prime to the numbers of markers and of dashes: no combination comes back soon.
Look make_look(std::size_t colour, std::size_t slot, std::size_t variant) {
  const std::size_t style = slot + slot / kColours.size() + 3 * variant;
  return {kColours[colour % kColours.size()], kMarkers[style % kMarkers.size()],
          kDashes[style % kDashes.size()]};
}

}  // namespace

std::vector<Look> looks_of(const std::vector<std::string>& methods) {
  const bool one_method = std::set(methods.begin(), methods.end()).size() == 1;
  std::map<std::string, std::size_t> lines_so_far;
  std::vector<Look> looks;
  for (const std::string& method : methods) {
    const std::size_t slot = slot_of(method), variant = lines_so_far[method]++;
    looks.push_back(make_look(one_method ? slot + variant : slot, slot, variant));
  }
  return looks;
}

}  // namespace longspan::report
