#include "distributed/store.h"

namespace longspan {

Store connect_store(const Placement& placement, std::chrono::milliseconds timeout, bool listen) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(placement.port);
  options.isServer = listen;
  options.numWorkers = static_cast<std::size_t>(placement.world_size);
  options.waitWorkers = false;
  options.timeout = timeout;
  // A launcher that starts a job again keeps its store, with the keys of the attempt that failed.
  return c10::make_intrusive<c10d::PrefixStore>(
      "longspan/" + placement.attempt,
      c10::make_intrusive<c10d::TCPStore>(placement.address, options));
}

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace longspan
