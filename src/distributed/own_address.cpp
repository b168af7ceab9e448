// Asks the system's routing table. A host's name is not asked: Debian lets it stand for 127.0.1.1.

#include "distributed/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "longspan/core/error.h"

namespace longspan {
namespace {

std::string text_of_address(const sockaddr* address) {
  char host[NI_MAXHOST];
  const socklen_t size =
      address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  const bool known =
      ::getnameinfo(address, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) == 0;
  return known ? host : std::string();
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.empty();
}

// Connecting a datagram socket sends nothing; it only picks the source address.
std::string address_towards(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), "9", &hints, &found);
  check(code == 0, ErrorKind::Distributed, "MASTER_ADDR must name a host that can be found, got ",
        host, " (", ::gai_strerror(code), ")");
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  std::string address;
  for (const addrinfo* at = found; at != nullptr && address.empty(); at = at->ai_next) {
    const int socket = ::socket(at->ai_family, SOCK_DGRAM, 0);
    if (socket < 0) continue;
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    if (::connect(socket, at->ai_addr, at->ai_addrlen) == 0 &&
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) == 0)
      address = text_of_address(reinterpret_cast<const sockaddr*>(&own));
    ::close(socket);
  }
  return address;
}

std::string first_outer_address() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next)
    if (at->ifa_addr != nullptr && at->ifa_addr->sa_family == AF_INET &&
        (at->ifa_flags & IFF_UP) != 0 && (at->ifa_flags & IFF_LOOPBACK) == 0)
      return text_of_address(at->ifa_addr);
  return {};
}

}  // namespace

std::string own_address(const Placement& placement) {
  std::string address = address_towards(placement.address);
  const bool spans_hosts = placement.local_world_size != placement.world_size;
  if (is_loopback(address) && spans_hosts) {
    const std::string outer = first_outer_address();
    if (!outer.empty()) address = outer;
  }
  check(!address.empty(), ErrorKind::Distributed, "this host must have a route to ",
        placement.address, " (MASTER_ADDR), it has none");
  return address;
}

}  // namespace longspan
