// The versions that the build was made of. What users start is linked with this file alone: it
// needs no library.

#include "longspan/run/version.h"

#include "build_info.h"

namespace longspan {

std::string backends() { return build_info::kBackends; }

std::string version_text() {
  std::string text = "longspan ";
  text.append(build_info::kVersion).append(" (commit ").append(build_info::kCommit);
  text.append(")\nLibTorch ").append(build_info::kLibTorch);
  text.append("\nCUDA ").append(build_info::kCuda);
  text.append("\nNCCL ").append(build_info::kNccl);
  text.append("\nSentencePiece ").append(build_info::kSentencePiece);
  return text.append("\nbackends: ").append(build_info::kBackends);
}

}  // namespace longspan
