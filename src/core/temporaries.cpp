// What is written but not whole.

#include "core/temporaries.h"

#include <set>
#include <system_error>

namespace longspan::temporaries {
namespace {

struct State {
  std::mutex mutex;
  std::set<std::filesystem::path> paths;
};

// Never destroyed: a thread may write while the process ends.
State& state() {
  static State& only = *new State;
  return only;
}

}  // namespace

void add(const std::filesystem::path& path) {
  const auto lock = hold();
  state().paths.insert(path);
}

void add_made(const std::filesystem::path& path, const std::function<void()>& make) {
  const auto lock = hold();
  make();
  state().paths.insert(path);
}

void forget(const std::filesystem::path& path) {
  const auto lock = hold();
  state().paths.erase(path);
}

std::unique_lock<std::mutex> hold() { return std::unique_lock(state().mutex); }

void remove_for_good() {
  constexpr int kMostTries = 10;  // a folder may get a file while it is emptied
  hold().release();
  for (const auto& path : state().paths) {
    std::error_code failure;
    for (int tries = 0; tries < kMostTries; ++tries) {
      failure.clear();
      std::filesystem::remove_all(path, failure);
      if (!failure) break;
    }
  }
}

}  // namespace longspan::temporaries
