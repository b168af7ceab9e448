#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <exception>
#include <string>

namespace longspan {

/// Sets the environment variables that make a GPU's libraries repeat their bits, where the user has
/// not set them. To be called while the process has one thread: others may read the environment.
void set_gpu_variables();

/// Returns the number of GPUs that this process may use; 0 in a program built without CUDA.
int num_gpus();

/// Returns the device that a text names: "cpu"; "cuda:i"; "cuda", the GPU that belongs to the
/// process's rank on its host (local_rank modulo the visible ones, so that a launcher may show
/// each process its own alone); "auto", that GPU where there is one, else the CPU.
/// @throws Error(Config) for another text, and for a GPU that is not there
c10::Device choose_device(const std::string& text, int local_rank);

/// Makes a GPU the one that this thread allocates and computes on, with the same bits in every run:
/// an operator of LibTorch that cannot repeat them throws from now on. To be called after
/// set_gpu_variables and before the GPU's first use. Does nothing for the CPU.
void bind_to(c10::Device device);

/// Returns a GPU's model, as "NVIDIA H100 80GB HBM3", or "CPU".
std::string device_name(c10::Device device);

/// Returns the bytes of a GPU that are free or that LibTorch's allocator keeps unused.
std::int64_t free_gpu_memory(c10::Device device);

/// Returns whether an exception says that memory ran out, on whatever device: std::bad_alloc, or
/// LibTorch's errors.
bool is_out_of_memory(const std::exception& error);

/// Forgets the peak of a device so far. Does nothing for the CPU, whose peak is the process's.
void reset_peak_memory(c10::Device device);
/// Returns a peak in bytes: for the CPU what this process held resident since it started, for
/// another device what LibTorch's allocator held there since the last reset.
std::int64_t peak_memory(c10::Device device);

}  // namespace longspan
