// Connections to the store.

#include "distributed/store.h"

#include <future>
#include <thread>

#include "longspan/core/error.h"

namespace longspan {
namespace {

std::string silent_key(int rank) { return concat("silent/", rank); }

// Something else that listens at the port takes the connection and never answers, for which c10d
// has no limit: the thread that waits is left to the end of the process.
Store connect_in_time(const std::string& address, const c10d::TCPStoreOptions& options) {
  constexpr std::chrono::seconds kMargin{5};  // in which c10d says itself what went wrong
  auto promise = std::make_shared<std::promise<Store>>();
  auto store = promise->get_future();
  std::thread([promise, address, options] {
    try {
      promise->set_value(c10::make_intrusive<c10d::TCPStore>(address, options));
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  }).detach();
  check(store.wait_for(options.timeout + kMargin) == std::future_status::ready,
        ErrorKind::Distributed, "no store answered there within ",
        (options.timeout + kMargin).count() / 1000,
        " s; the port must be the job's own, and rank 0 must run");
  return store.get();
}

}  // namespace

Store connect_store(const Placement& placement, std::chrono::milliseconds timeout, bool listen) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(placement.port);
  options.isServer = listen;
  options.numWorkers = static_cast<std::size_t>(placement.world_size);
  options.waitWorkers = false;
  options.timeout = timeout;
  // A launcher that starts a job again keeps its store, with the keys of the attempt that failed.
  return c10::make_intrusive<c10d::PrefixStore>("longspan/" + placement.attempt,
                                                connect_in_time(placement.address, options));
}

std::vector<std::uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

void report_failure(c10d::Store& store, const std::string& text) {
  if (store.add("failures", 1) == 1) store.set("failure", bytes_of(text));
}

std::string reported_failure(c10d::Store& store) {
  return store.check({"failure"}) ? text_of(store.get("failure")) : std::string();
}

void report_silent(c10d::Store& store, int rank) {
  store.set(silent_key(rank), bytes_of("silent"));
}

bool is_silent(c10d::Store& store, int rank) { return store.check({silent_key(rank)}); }

std::string first_line_of(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace longspan
