#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "longspan/core/error.h"
#include "support/program.h"
#include "support/ranks.h"
#include "support/tiny_run.h"

namespace longspan::testing {

/// Processes of the program as a launcher starts them, by its variables; rank 0 keeps the store.
class RanksByHand {
 public:
  /// @param arguments of each rank
  RanksByHand(const TinyRun& tiny, const std::vector<std::vector<std::string>>& arguments) {
    const std::vector<std::pair<const char*, std::string>> variables{
        {"RANK", ""},
        {"WORLD_SIZE", std::to_string(arguments.size())},
        {"MASTER_ADDR", "127.0.0.1"},
        {"MASTER_PORT", std::to_string(free_port())}};
    for (const auto& [name, value] : variables) ::setenv(name, value.c_str(), 1);
    for (std::size_t rank = 0; rank < arguments.size(); ++rank) {
      ::setenv("RANK", std::to_string(rank).c_str(), 1);
      const auto folder = tiny.path(concat("rank", rank));
      std::filesystem::create_directories(folder);
      programs_.push_back(std::make_unique<Program>(arguments[rank], folder));
    }
    for (const auto& [name, value] : variables) ::unsetenv(name);
  }

  Program& operator[](std::size_t rank) { return *programs_[rank]; }
  std::vector<Finished> wait() {
    std::vector<Finished> results;
    for (auto& program : programs_) results.push_back(program->wait());
    return results;
  }

 private:
  std::vector<std::unique_ptr<Program>> programs_;
};

}  // namespace longspan::testing
