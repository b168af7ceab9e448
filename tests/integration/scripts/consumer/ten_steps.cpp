// Trains ten steps of a configuration. Usage: ten_steps CONFIG SHARDS RUN

#include <cstdio>
#include <exception>
#include <string>

#include "longspan/train/trainer.h"

int main(int argc, char** argv) try {
  if (argc != 4) return 2;
  const auto config = longspan::read_run_config(longspan::config::Document::from_file(
      argv[1], {"train.max_steps=10", std::string("data.shards=") + argv[2]}));
  const auto alone = longspan::make_lone_communicator();
  longspan::TrainOptions options;
  options.run_folder = argv[3];
  std::printf("trained %lld steps\n",
              static_cast<long long>(longspan::train(config, options, *alone).step));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "ten_steps: %s\n", error.what());
  return 1;
}
