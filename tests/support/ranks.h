#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "longspan/distributed/communicator.h"

namespace longspan::testing {

/// c10d's record of calls is one for the process and not safe when ranks on several threads make
/// their first at once; it is read from the environment before the first.
inline const bool kNoRecordOfCalls = [] {
  for (const char* name : {"TORCH_FR_BUFFER_SIZE", "TORCH_NCCL_TRACE_BUFFER_SIZE"})
    ::setenv(name, "0", /*overwrite=*/1);
  return true;
}();

/// Returns a port of loopback that nobody listened at a moment ago.
inline int free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(descriptor, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(descriptor);
  return ntohs(address.sin_port);
}

inline Placement local_placement(int rank, int world_size, int port) {
  Placement placement;
  placement.rank = placement.local_rank = rank;
  placement.world_size = placement.local_world_size = world_size;
  placement.port = port;
  return placement;
}

inline DistributedConfig quick_timeouts(double seconds = 20.0) {
  DistributedConfig config;
  config.timeout_seconds = seconds;
  return config;
}

/// Runs a function as each rank of a group, on threads of this process, and throws what the lowest
/// rank threw.
inline void run_ranks(int world_size, const std::function<void(Communicator&)>& body) {
  const int port = free_port();
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(world_size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world_size; ++rank)
    threads.emplace_back([&, rank] {
      try {
        const auto communicator =
            join(local_placement(rank, world_size, port), quick_timeouts(), {});
        body(*communicator);
        communicator->leave();
      } catch (...) {
        failures[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace longspan::testing
