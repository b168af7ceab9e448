// Where a run begins. Rank 0 sends a description of the tensors first, then each of them.

#include "train/start.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "longspan/core/error.h"
#include "longspan/core/log.h"

namespace longspan {
namespace {

Json describe(const NamedTensors& tensors) {
  Json list = Json::array();
  for (const auto& [name, tensor] : tensors)
    list.push_back({{"name", name},
                    {"shape", tensor.sizes().vec()},
                    {"dtype", static_cast<int>(tensor.scalar_type())}});
  return list;
}

NamedTensors make_empty(const Json& list) {
  NamedTensors tensors;
  for (const auto& entry : list)
    tensors.push_back({entry.at("name").get<std::string>(),
                       at::empty(entry.at("shape").get<std::vector<std::int64_t>>(),
                                 static_cast<at::ScalarType>(entry.at("dtype").get<int>()))});
  return tensors;
}

void broadcast_tensors(Communicator& communicator, NamedTensors& tensors) {
  for (auto& [name, tensor] : tensors) {
    tensor = tensor.contiguous();
    if (tensor.numel() > 0) communicator.broadcast(tensor, 0);
  }
}

// @param contents looked at on rank 0 only
std::optional<CheckpointContents> broadcast(Communicator& communicator,
                                            std::optional<CheckpointContents> contents) {
  if (communicator.is_alone()) return contents;
  const at::NoGradGuard no_gradient;
  Json description;
  if (communicator.leads() && contents)
    description = {{"step", contents->step},
                   {"trainer", contents->trainer},
                   {"config", contents->config_yaml},
                   {"model", describe(contents->model)},
                   {"optimizer", describe(contents->optimizer)}};
  description = Json::parse(communicator.broadcast_text(description.dump()));
  if (description.is_null()) return std::nullopt;
  if (!communicator.leads())
    contents = {description.at("step").get<std::int64_t>(), make_empty(description.at("model")),
                make_empty(description.at("optimizer")), description.at("trainer"),
                description.at("config").get<std::string>()};
  broadcast_tensors(communicator, contents->model);
  broadcast_tensors(communicator, contents->optimizer);
  return contents;
}

std::optional<CheckpointContents> read_start(const std::filesystem::path& run_folder,
                                             const std::string& resume) {
  if (resume == "auto") return load_newest_checkpoint(run_folder);
  if (resume != "never") return load_checkpoint(resume);
  check(list_checkpoints(run_folder).empty(), ErrorKind::Config, run_folder.string(),
        " must hold no checkpoints with --resume never; choose another --run or remove it");
  return std::nullopt;
}

std::optional<CheckpointContents> read_scheduled(const std::filesystem::path& run_folder,
                                                 const ScheduledCheckpoints& scheduled) {
  auto folders = list_checkpoints(run_folder);
  std::ranges::reverse(folders);
  for (const auto& folder : folders) {
    const std::int64_t step = checkpoint_step(folder);
    if (step > scheduled.step || step % scheduled.every_steps != 0) continue;
    try {
      return load_checkpoint(folder);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::Checkpoint) throw;
      log::warn("checkpoint is damaged, rolling back to one before it", {{"reason", error.what()}});
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<CheckpointContents> find_scheduled(Communicator& communicator,
                                                 const std::filesystem::path& run_folder,
                                                 const ScheduledCheckpoints& scheduled) {
  return broadcast(communicator,
                   communicator.leads() ? read_scheduled(run_folder, scheduled) : std::nullopt);
}

std::optional<CheckpointContents> find_start(Communicator& communicator,
                                             const std::filesystem::path& run_folder,
                                             const std::string& resume) {
  return broadcast(communicator,
                   communicator.leads() ? read_start(run_folder, resume) : std::nullopt);
}

}  // namespace longspan
