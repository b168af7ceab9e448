// Every rank leaves its texts in the store; rank 0 compares them as they come and leaves the
// verdict.
//
// Where a launcher starts a job again, its store holds the keys of all attempts, and no variable
// tells one attempt from another: torchrun's agents count restarts each for itself
// (https://github.com/pytorch/pytorch/issues/108158). So each process brings a name that nobody
// else has, and rank 0's stands for the attempt. It answers all names in the lobby, those that
// earlier processes left there too, until every rank has come.

#include "distributed/agreement.h"

#include <random>
#include <sstream>
#include <thread>

#include "longspan/core/error.h"

namespace longspan {
namespace {

constexpr char kSeparator = '\x1e', kVerdict[] = "verdict", kHeard[] = "heard";
constexpr std::chrono::milliseconds kFileLook{20};

std::string card_key(int rank) { return concat("card/", rank); }
std::string hello_key(int rank) { return concat("hello/", rank); }
std::string welcome_key(const std::string& name) { return "welcome/" + name; }

std::string join_card(const std::vector<Agreement>& agreements) {
  std::string card;
  for (const auto& [name, text] : agreements) card += name + kSeparator + text + kSeparator;
  return card;
}

std::vector<Agreement> split_card(const std::string& card) {
  std::vector<Agreement> agreements;
  std::istringstream parts(card);
  for (std::string name, text;
       std::getline(parts, name, kSeparator) && std::getline(parts, text, kSeparator);)
    agreements.push_back({name, text});
  return agreements;
}

std::string trimmed(const std::string& line) {
  const auto first = line.find_first_not_of(' ');
  return first == std::string::npos ? std::string("nothing") : line.substr(first);
}

std::string difference_of_lines(const std::string& leader, const std::string& other) {
  std::istringstream ours(leader), theirs(other);
  std::string line, other_line;
  while (true) {
    const bool more = static_cast<bool>(std::getline(ours, line)),
               others_more = static_cast<bool>(std::getline(theirs, other_line));
    if (!more) line.clear();
    if (!others_more) other_line.clear();
    if (line != other_line || (!more && !others_more))
      return concat("it has ", trimmed(other_line), " where rank 0 has ", trimmed(line));
  }
}

// Returns the ranks, as text, whose cards are not there.
std::string missing_ranks(c10d::Store& store, int world_size) {
  std::string names;
  for (int rank = 1; rank < world_size; ++rank)
    if (!store.check({card_key(rank)})) names += (names.empty() ? "" : ", ") + std::to_string(rank);
  return names;
}

double seconds_of(std::chrono::milliseconds time) {
  return static_cast<double>(time.count()) / 1e3;
}

void welcome_ranks(const Meeting& meeting) {
  if (!meeting.lobby) return;
  for (int rank = 1; rank < meeting.placement.world_size; ++rank)
    if (meeting.lobby->check({hello_key(rank)}))
      meeting.lobby->set(welcome_key(text_of(meeting.lobby->get(hello_key(rank)))),
                         bytes_of(meeting.placement.attempt));
}

bool comes_in_time(const Meeting& meeting, int rank,
                   std::chrono::steady_clock::time_point deadline) {
  while (!meeting.store->check({card_key(rank)})) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    welcome_ranks(meeting);
    std::this_thread::sleep_for(kFileLook);
  }
  return true;
}

std::string verdict_of(const Meeting& meeting, const std::vector<Agreement>& agreements,
                       std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const int world_size = meeting.placement.world_size;
  c10d::Store& store = *meeting.store;
  for (int rank = 1; rank < world_size; ++rank) {
    if (!comes_in_time(meeting, rank, deadline))
      return concat(
          "all ", world_size, " ranks must come within ", seconds_of(timeout),
          " s (distributed.timeout_seconds), missing are: ", missing_ranks(store, world_size));
    const std::string difference =
        first_difference(agreements, split_card(text_of(store.get(card_key(rank)))));
    if (!difference.empty()) return concat("rank ", rank, " must have ", difference);
  }
  return {};
}

// The store ends with rank 0, which keeps it. Who has not come is not waited for.
void wait_until_heard(c10d::Store& store, int world_size) {
  const auto deadline = std::chrono::steady_clock::now() + kLastLook;
  std::int64_t ranks = 0;
  for (int rank = 1; rank < world_size; ++rank) ranks += store.check({card_key(rank)}) ? 1 : 0;
  while (store.add(kHeard, 0) < ranks && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(kFileLook);
}

}  // namespace

std::string first_difference(const std::vector<Agreement>& leader,
                             const std::vector<Agreement>& other) {
  for (std::size_t i = 0; i < leader.size(); ++i) {
    if (i >= other.size() || other[i].name != leader[i].name)
      return concat("the same version of longspan as rank 0: it does not speak of its ",
                    leader[i].name);
    if (other[i].text != leader[i].text)
      return concat("the same ", leader[i].name,
                    " as rank 0: ", difference_of_lines(leader[i].text, other[i].text));
  }
  return {};
}

std::string find_attempt(c10d::Store& lobby, const Placement& placement,
                         std::chrono::milliseconds timeout) {
  std::random_device draw;
  const std::string name = concat(draw(), "-", draw(), "-", draw());
  if (placement.rank == 0) return name;
  // Rank 0 may have as long to come, and waits as long itself.
  const auto patience = 2 * timeout;
  try {
    lobby.set(hello_key(placement.rank), bytes_of(name));
    lobby.wait({welcome_key(name)}, patience);
    return text_of(lobby.get(welcome_key(name)));
  } catch (const std::exception& error) {
    throw Error(ErrorKind::Distributed,
                concat("rank ", placement.rank, " must meet rank 0 within ", seconds_of(patience),
                       " s (twice distributed.timeout_seconds), it did not come (",
                       first_line_of(error), ")"));
  }
}

void check_agreement(const Meeting& meeting, const std::vector<Agreement>& given,
                     std::chrono::milliseconds timeout) {
  const Placement& placement = meeting.placement;
  c10d::Store& store = *meeting.store;
  std::vector<Agreement> agreements{{"number of processes", std::to_string(placement.world_size)}};
  agreements.insert(agreements.end(), given.begin(), given.end());
  if (placement.rank == 0) {
    const std::string verdict = verdict_of(meeting, agreements, timeout);
    store.set(kVerdict, bytes_of(concat(placement.world_size, " ", verdict)));
    if (verdict.empty()) return;
    wait_until_heard(store, placement.world_size);
    throw Error(ErrorKind::Distributed, verdict);
  }
  store.set(card_key(placement.rank), bytes_of(join_card(agreements)));
  // Rank 0 may wait as long itself, and began later.
  store.wait({kVerdict}, 2 * timeout);
  std::istringstream verdict(text_of(store.get(kVerdict)));
  store.add(kHeard, 1);
  int world_size = 0;
  std::string text;
  verdict >> world_size >> std::ws;
  std::getline(verdict, text);
  check(text.empty(), ErrorKind::Distributed, text);
  check(world_size == placement.world_size, ErrorKind::Distributed, "rank ", placement.rank,
        " must have the same number of processes as rank 0: it has ", placement.world_size,
        " where rank 0 has ", world_size);
}

}  // namespace longspan
