// What a run ran on.

#include "longspan/run/environment.h"

#include <ATen/Parallel.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <string>

#include "build_info.h"
#include "longspan/core/error.h"
#include "longspan/core/escaped.h"
#include "longspan/device/device.h"
#include "longspan/device/processor.h"
#include "longspan/run/version.h"

namespace longspan {

Json describe_environment(const std::vector<std::string>& command_line, c10::Device device) {
  std::vector<std::string> words;  // in UTF-8, which the system does not ask of a word
  for (const auto& word : command_line) words.push_back(escaped(word));
  utsname system{};
  uname(&system);
  return {{"format", "longspan.environment/1"},
          {"longspan", build_info::kVersion},
          {"commit", build_info::kCommit},
          {"libtorch", build_info::kLibTorch},
          {"cuda", build_info::kCuda},
          {"nccl", build_info::kNccl},
          {"sentencepiece", build_info::kSentencePiece},
          {"backends", backends()},
          {"host", system.nodename},
          {"system", concat(system.sysname, " ", system.release)},
          {"processor", processor_name()},
          {"cores", num_cores()},
          {"threads", at::get_num_threads()},
          {"device", device.str()},
          {"device_name", device.is_cpu() ? processor_name() : device_name(device)},
          {"gpus", num_gpus()},
          {"command_line", words}};
}

}  // namespace longspan
