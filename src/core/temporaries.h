#pragma once

#include <filesystem>
#include <functional>
#include <mutex>

/// Files and folders that are being written under a temporary name, so that they go where the
/// process is told to end meanwhile.
namespace longspan::temporaries {

/// Says that a path is to be removed where the process ends before forget().
void add(const std::filesystem::path& path);
/// Has `make` make what is at a path, and adds it, with no moment at which it is there and not
/// known. What `make` throws is passed on, and nothing is added.
void add_made(const std::filesystem::path& path, const std::function<void()>& make);
/// Says that a path has its final name, or is gone.
void forget(const std::filesystem::path& path);
/// Keeps remove_for_good() out while the lock lives: for what must not be cut in two.
[[nodiscard]] std::unique_lock<std::mutex> hold();
/// Removes them all. Whoever calls another of these functions from now on waits forever, so that
/// nothing new appears, and nobody tells of a file that was taken away. For the end of the process.
void remove_for_good();

}  // namespace longspan::temporaries
