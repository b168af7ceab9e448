// Measures what a checkpoint costs a run of the given config's size, with weights and the state of
// its optimizer: the plain write that training waits for, the pause where it is written beside
// training whose passes of a step take STEP_SECONDS, loading, and dd with the same bytes, in turns.
// The folder should be on the disk that runs are written to.
//
// Usage: checkpoint_benchmark CONFIG VOCAB_SIZE FOLDER ROUNDS STEP_SECONDS [KEY=VALUE...]

#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "longspan/core/error.h"
#include "longspan/core/log.h"
#include "longspan/train/trainer.h"
#include "train/checkpoint_writer.h"

namespace longspan {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

template <class Work>
double seconds(const Work& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double peak_gib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

void command(const std::string& line) {
  check(std::system(line.c_str()) == 0, ErrorKind::Io, "a command must succeed: ", line);
}

constexpr const char* kFiles[] = {"model.safetensors", "optimizer.safetensors"};

// Drops the files' pages, so that they come from the disk.
void forget(const fs::path& checkpoint) {
  for (const char* name : kFiles) {
    const int file = ::open((checkpoint / name).c_str(), O_RDONLY);
    check(file >= 0 && ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0, ErrorKind::Io, name,
          ": its pages cannot be dropped");
    ::close(file);
  }
}

struct Times {
  const char* name;
  std::vector<double> values;

  double median() const {
    std::vector<double> sorted = values;
    std::ranges::sort(sorted);
    return sorted[sorted.size() / 2];
  }
};

class Benchmark {
 public:
  Benchmark(RunConfig config, std::int64_t vocab_size, fs::path folder, double step_seconds)
      : config_(std::move(config)),
        folder_(std::move(folder)),
        step_seconds_(step_seconds),
        model_(make_model(config_, vocab_size)),
        optimizer_(config_.optimizer.make(model_.parameters())) {
    // A first step makes the optimizer's state.
    for (const auto& parameter : model_.parameters())
      parameter.tensor.mutable_grad() = at::ones_like(parameter.tensor);
    optimizer_->step(1e-4, at::ones({}));
    for (const auto& parameter : model_.parameters()) parameter.tensor.mutable_grad().reset();
  }

  void run(int rounds) {
    const double before = peak_gib();
    double with_copy = before;
    for (int round = 0; round < rounds; ++round) {
      blocking_.values.push_back(seconds([&] { save(false).reset(); }));
      beside();
      if (round == 0) with_copy = peak_gib();  // before a checkpoint was loaded
      write_.values.push_back(
          seconds([&] { save_checkpoint(folder_ / "run", contents_of(), {}); }));
      const fs::path saved = find_checkpoint(folder_ / "run", "latest");
      dd(saved);
      forget(saved);
      load_.values.push_back(seconds([&] { load_checkpoint(saved); }));
    }
    fs::remove_all(folder_ / "run");
    print(before, with_copy);
  }

 private:
  CheckpointContents contents_of() const {
    return {++step_, model_.parameters(), optimizer_->state(), Json::object(), config_.resolved};
  }

  // What training waits for: the call, and before the next update the rest of the copy. The passes
  // in between are products by all threads, until the time of a step is over.
  void beside() {
    if (!writer_) writer_ = save(true);  // the memory of the copy is had once
    config_.checkpoint.async = true;     // which the writer sees
    writer_->wait();
    RunProgress progress;
    progress.step = ++step_;
    const NamedTensors state = optimizer_->state();
    const double call = seconds([&] { writer_->save(model_, state, progress); });
    const auto end = Clock::now() + std::chrono::duration<double>(step_seconds_);
    while (Clock::now() < end) at::mm(factor_, factor_);
    pause_.values.push_back(call + seconds([&] { writer_->wait_for_copy(); }));
    writer_->wait();
  }

  std::unique_ptr<CheckpointWriter> save(bool async) {
    config_.checkpoint.async = async;
    auto writer = std::make_unique<CheckpointWriter>(config_, folder_ / "run", fs::path());
    RunProgress progress;
    progress.step = ++step_;
    writer->save(model_, optimizer_->state(), progress);
    check(!writer->failure(), ErrorKind::Io, writer->failure().value_or(""));
    return writer;
  }

  void dd(const fs::path& saved) {
    const std::string copy = (folder_ / "copy").string();
    double written = 0.0, read = 0.0;
    bytes_ = 0;
    for (const char* file : kFiles) {
      const std::string path = (saved / file).string();
      bytes_ += fs::file_size(path);
      written += seconds(
          [&] { command("dd if='" + path + "' of='" + copy + "' bs=4M conv=fsync status=none"); });
      forget(saved);
      read += seconds([&] { command("dd if='" + path + "' of=/dev/null bs=4M status=none"); });
      fs::remove(copy);
    }
    dd_write_.values.push_back(written);
    dd_read_.values.push_back(read);
  }

  void print(double before, double with_copy) const {
    std::printf("%lld parameters, %.2f GB a checkpoint, median of %zu rounds\n",
                static_cast<long long>(model_.num_parameters()), static_cast<double>(bytes_) / 1e9,
                pause_.values.size());
    for (const Times* times : {&blocking_, &pause_, &write_, &dd_write_, &load_, &dd_read_})
      std::printf("%-34s %8.3f s %8.2f GB/s\n", times->name, times->median(),
                  static_cast<double>(bytes_) / 1e9 / times->median());
    std::printf("pause over plain write %.3f, write over dd %.2f, load over dd %.2f\n",
                pause_.median() / blocking_.median(), dd_write_.median() / write_.median(),
                dd_read_.median() / load_.median());
    std::printf("memory at its peak: %.2f GiB, with a copy being written %.2f GiB\n", before,
                with_copy);
  }

  RunConfig config_;
  fs::path folder_;
  double step_seconds_;
  Transformer model_;
  std::unique_ptr<Optimizer> optimizer_;
  at::Tensor factor_ = at::ones({1024, 1024});
  std::unique_ptr<CheckpointWriter> writer_;
  mutable std::int64_t step_ = 0;
  std::uintmax_t bytes_ = 0;
  Times blocking_{"plain write, training waits", {}}, pause_{"pause, written beside training", {}},
      write_{"write, without a copy", {}}, dd_write_{"dd with fsync", {}}, load_{"load", {}},
      dd_read_{"dd to /dev/null", {}};
};

int run(const std::vector<std::string>& words) {
  if (words.size() < 6) {
    std::fputs(
        "Usage: checkpoint_benchmark CONFIG VOCAB_SIZE FOLDER ROUNDS STEP_SECONDS "
        "[KEY=VALUE...]\n",
        stderr);
    return words.back() == "--help" ? 0 : 2;
  }
  // As the program does.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  log::set_level(log::Level::Warn);
  const RunConfig config =
      read_run_config(config::Document::from_file(words[1], {words.begin() + 6, words.end()}));
  fs::create_directories(words[3]);
  Benchmark(config, std::stoll(words[2]), words[3], std::stod(words[5])).run(std::stoi(words[4]));
  return 0;
}

}  // namespace
}  // namespace longspan

int main(int argc, char** argv) {
  try {
    return longspan::run({argv, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "checkpoint_benchmark: error: %s\n", error.what());
    return 1;
  }
}
