// The bytes that ranks send, as the loopback device of a network of their own counts them, beside
// what Gloo's algorithm must send.

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "longspan/checkpoint/safetensors.h"
#include "longspan/core/error.h"
#include "longspan/distributed/gradient_reducer.h"
#include "support/tiny_run.h"
#include "support/torch_catch.h"

namespace longspan {
namespace {

using testing::TinyRun;

constexpr double kRecord = 48;                  // Gloo's, before each message and to announce it
constexpr double kHeaders = 14 + 20 + 32;       // Ethernet, IPv4, TCP with timestamps: of a packet
constexpr double kMaxPacket = 65536 - 20 - 32;  // loopback's MTU less the headers
constexpr double kMaxSegment = 1 << 20;         // Gloo's

// Moves the calling thread, and the processes that it starts, into a network of its own. False
// without the right to.
bool enter_own_network() {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const int descriptor = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  const bool is_up = ::ioctl(descriptor, SIOCSIFFLAGS, &request) == 0;
  ::close(descriptor);
  return is_up;
}

// What loopback sent so far in the network of the calling thread.
double loopback_bytes() {
  std::ifstream devices("/proc/thread-self/net/dev");
  for (std::string word; devices >> word;)
    if (word == "lo:") {
      double value = 0.0;
      for (int column = 0; column < 9; ++column) devices >> value;
      return value;
    }
  throw std::runtime_error("no loopback device");
}

struct Traffic {
  double bytes = 0.0;
  double seconds = 0.0;
};

Traffic traffic_of(const TinyRun& tiny, const std::string& name,
                   const std::vector<std::string>& words) {
  const auto start = std::chrono::steady_clock::now();
  const double before = loopback_bytes();
  const auto result = tiny.train(name, words);
  if (result.code != 0) throw std::runtime_error(result.err);
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return {loopback_bytes() - before, spent.count()};
}

// Least and most bytes of what one all-reduce needs in the whole ring (gloo/allreduce.cc): each
// rank sends 2 (N - 1) of N chunks, each in at least two segments. A segment costs three records:
// its own, its sender's announcement and its receiver's.
struct Bounds {
  double least = 0.0, most = 0.0;
};

Bounds bounds_of_all_reduce(double bytes, double ranks) {
  const double segment = std::min(std::ceil(bytes / (2 * ranks)), kMaxSegment);
  const double segments_a_chunk = std::max(2.0, std::ceil(bytes / segment / ranks));
  const double messages = ranks * 2 * (ranks - 1) * segments_a_chunk;
  const double data = 2 * (ranks - 1) * bytes + messages * 3 * kRecord;
  // At most a packet for each record, and data in packets half full or the last of their segment;
  // at most an acknowledgement for each packet.
  const double packets = messages * (3 + 1 + 2 * std::ceil(segment / kMaxPacket));
  return {data + kHeaders * data / kMaxPacket, data + 2 * kHeaders * packets};
}

// What ranks send to meet varies with how long they wait for each other, so the short run, which
// stands for it, is made three times: the bytes of a step lie between what they give.
struct Measured {
  double least_bytes_per_step = 0.0, most_bytes_per_step = 0.0, seconds_per_step = 0.0;
  double parameters = 0.0, tensors = 0.0;
};

constexpr int kFewSteps = 10, kManySteps = 50;

Measured measure(int processes, const std::string& precision) {
  const TinyRun tiny;
  const auto words = [&](int steps) {
    std::vector<std::string> all{"--processes", std::to_string(processes)};
    for (const std::string& setting :
         {concat("train={max_steps: ", steps, ", batch_tokens: 128}"),
          std::string("model={num_layers: 2, d_model: 128, num_heads: 2, ffn_dim: 512}"),
          std::string("validate={every_steps: 0, lengths: [16], max_targets: 16}"),
          std::string("checkpoint={every_steps: 0}"),
          concat("distributed={check_every_steps: 0, reduce_precision: ", precision, "}")}) {
      all.push_back("--set");
      all.push_back(setting);
    }
    return all;
  };
  const Traffic many = traffic_of(tiny, "many", words(kManySteps));
  std::vector<double> few_bytes, few_seconds;
  for (const char* name : {"few", "again", "third"}) {
    const Traffic few = traffic_of(tiny, name, words(kFewSteps));
    few_bytes.push_back(few.bytes);
    few_seconds.push_back(few.seconds);
  }
  constexpr double kSteps = kManySteps - kFewSteps;
  Measured result{(many.bytes - std::ranges::max(few_bytes)) / kSteps,
                  (many.bytes - std::ranges::min(few_bytes)) / kSteps,
                  (many.seconds - std::ranges::min(few_seconds)) / kSteps};
  for (const auto& weight :
       read_safetensors(tiny.path("few/checkpoints/step-000000010/model.safetensors"))) {
    result.parameters += static_cast<double>(weight.tensor.numel());
    result.tensors += 1;
  }
  return result;
}

// Runs a function on a thread in a network of its own; nothing without the right to one.
std::optional<Measured> measure_in_own_network(int processes, const std::string& precision) {
  std::optional<Measured> result;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      if (enter_own_network()) result = measure(processes, precision);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return result;
}

TEST_CASE("ranks send what a ring must, and half of it as bfloat16") {
  for (const int processes : {2, 3, 4})
    for (const auto& [precision, width] : {std::pair{"fp32", 4}, std::pair{"bf16", 2}}) {
      const auto found = measure_in_own_network(processes, precision);
      if (!found) SKIP("no right to a network of one's own (CAP_SYS_ADMIN), which counts alone");
      const Bounds gradients = bounds_of_all_reduce(width * found->parameters, processes);
      // The reducer's count for each tensor and the step's totals, in double.
      const Bounds totals = bounds_of_all_reduce(8 * (found->tensors + kStepTotals), processes);
      // Each rank's pulse: a question and an answer a second, with their acknowledgements.
      const double pulse = processes * 4 * (kHeaders + 64) *
                           (found->seconds_per_step + 1.0 / (kManySteps - kFewSteps));
      const double least = gradients.least + totals.least,
                   most = gradients.most + totals.most + pulse;
      const double payload = 2 * (processes - 1) * width * found->parameters;
      WARN(processes << " ranks, " << precision << ": " << found->least_bytes_per_step << " to "
                     << found->most_bytes_per_step << " bytes a step, payload " << payload << " (+"
                     << 100 * (found->most_bytes_per_step / payload - 1) << " %), bounds " << least
                     << " to " << most << " (+" << 100 * (most / payload - 1) << " %)");
      CHECK(found->most_bytes_per_step >= least);
      CHECK(found->least_bytes_per_step <= most);
    }
}

}  // namespace
}  // namespace longspan
