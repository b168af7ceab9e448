#pragma once

#include <cstdint>
#include <string>

#include "interop/torch_file.h"
#include "longspan/model/config.h"

namespace longspan::interop {

/// What a fairseq checkpoint's options say of the model beyond the shapes of its tensors.
struct FairseqOptions {
  std::int64_t num_heads = 0;
  std::string activation;      ///< in our words
  std::string norm_placement;  ///< pre | post
  bool scale_embedding = true;
  bool share_embedding = false;    ///< plain: the head is the embedding
  bool position_embedding = true;  ///< fairseq's own, sinusoidal
  DropoutConfig dropout;
  std::int64_t seq_len = 0;
};

/// Reads `cfg` (model and task) or, in older files, `args`. @throws Error(Data) that names the
/// option
FairseqOptions read_fairseq_options(const TorchFile& file);

}  // namespace longspan::interop
