#pragma once

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "emulator/block.h"
#include "kernels/gpu/element.h"

namespace longspan::emulator {

inline float widen(gpu::BFloat16, std::uint16_t bits) {
  return c10::BFloat16(bits, c10::BFloat16::from_bits());
}
inline float widen(gpu::Float16, std::uint16_t bits) {
  return c10::Half(bits, c10::Half::from_bits());
}
inline std::uint16_t narrow(gpu::BFloat16, float value) { return c10::BFloat16(value).x; }
inline std::uint16_t narrow(gpu::Float16, float value) { return c10::Half(value).x; }

/// One thread of a kernel, as kernels see it (src/kernels/gpu/README.md), on the CPU.
class Thread {
 public:
  Thread(Block& block, int index, const std::array<int, 3>& place)
      : block_(&block), index_(index), place_(place) {}

  int index() const { return index_; }
  int block_x() const { return place_[0]; }
  int block_y() const { return place_[1]; }
  int block_z() const { return place_[2]; }

  void synchronize() { block_->meet_block(index_); }
  void synchronize_warp() { block_->meet_warp(index_, Collective::Synchronize, nullptr); }

  template <class Value>
  Value load_shared(int offset) {
    Value value;
    std::memcpy(&value, block_->read_shared(index_, at(offset), sizeof value), sizeof value);
    return value;
  }
  template <class Value>
  void store_shared(int offset, const Value& value) {
    std::memcpy(block_->write_shared(index_, at(offset), sizeof value), &value, sizeof value);
  }
  template <class Value>
  Value load(const Value* from) {
    block_->check_global_read(index_, from, sizeof(Value));
    return *from;
  }
  template <class Value>
  void store(Value* to, const Value& value) {
    block_->check_global_write(index_, to, sizeof(Value));
    *to = value;
  }

  void copy_async(int offset, const void* source, bool in_bounds) {
    block_->copy_async(index_, at(offset), in_bounds ? source : nullptr);
  }
  void commit_copies() { block_->commit_copies(index_); }
  template <int kGroupsLeft>
  void wait_copies() {
    block_->wait_copies(index_, kGroupsLeft);
  }

  float shuffle_xor(float value, int lane_mask) {
    auto& slots = block_->slots(index_);
    slots.in[lane()][0] = std::bit_cast<std::uint32_t>(value);
    slots.in[lane()][1] = static_cast<std::uint32_t>(lane_mask);
    block_->meet_warp(index_, Collective::Shuffle, [](Block& block, int warp) {
      auto& all = block.slots(warp * kWarpThreads);
      for (std::size_t i = 0; i < kWarpThreads; ++i) all.out[i][0] = all.in[i ^ all.in[i][1]][0];
    });
    return std::bit_cast<float>(slots.out[lane()][0]);
  }

  /// Bit i of the result is the condition of lane i.
  std::uint32_t ballot(bool condition) {
    auto& slots = block_->slots(index_);
    slots.in[lane()][0] = condition ? 1 : 0;
    block_->meet_warp(index_, Collective::Vote, [](Block& block, int warp) {
      auto& all = block.slots(warp * kWarpThreads);
      std::uint32_t votes = 0;
      for (std::size_t i = 0; i < kWarpThreads; ++i) votes |= all.in[i][0] << i;
      for (auto& out : all.out) out[0] = votes;
    });
    return slots.out[lane()][0];
  }

  /// The product of a 16 x 16 and a 16 x 8 matrix, added to sums, in the layout of mma.m16n8k16.
  template <class Element>
  void multiply(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
    auto& slots = block_->slots(index_);
    slots.in[lane()] = {a[0], a[1], a[2], a[3], b0, b1};
    std::copy(sums, sums + 4, slots.sums[lane()].begin());
    block_->meet_warp(index_, Collective::Product, multiply_warp<Element>);
    std::copy(slots.sums[lane()].begin(), slots.sums[lane()].end(), sums);
  }

  /// Four 8 x 8 matrices of 2-byte elements; lane i names row i % 8 of matrix i / 8.
  template <bool kTransposed>
  void load_matrices(std::uint32_t (&out)[4], int offset) {
    auto& slots = block_->slots(index_);
    slots.in[lane()][0] = static_cast<std::uint32_t>(offset);
    block_->meet_warp(index_, Collective::LoadMatrices, load_warp<kTransposed>);
    std::copy(slots.out[lane()].begin(), slots.out[lane()].end(), out);
  }

  template <class Element>
  std::uint32_t pack(float low, float high) {
    return narrow(Element{}, low) | static_cast<std::uint32_t>(narrow(Element{}, high)) << 16;
  }
  template <class Element>
  float unpack(std::uint32_t pair, int part) {
    return widen(Element{}, static_cast<std::uint16_t>(pair >> (16 * part)));
  }
  float exp2(float x) { return std::exp2(x); }
  float product(float a, float b) { return a * b; }
  double product(double a, double b) { return a * b; }
  float multiply_add(float a, float b, float c) { return std::fma(a, b, c); }
  float square_root(float x) { return std::sqrt(x); }
  double square_root(double x) { return std::sqrt(x); }
  float inverse_root(float x) { return 1.0f / std::sqrt(x); }
  float log2(float x) { return std::log2(x); }
  float reciprocal(float x) { return 1.0f / x; }

 private:
  static std::size_t at(int offset) { return static_cast<std::size_t>(offset); }
  std::size_t lane() const { return static_cast<std::size_t>(index_ % kWarpThreads); }

  template <class Element>
  static void multiply_warp(Block& block, int warp) {
    auto& all = block.slots(warp * kWarpThreads);
    float a[16][16], b[16][8];
    const auto part = [](std::uint32_t pair, std::size_t i) {
      return widen(Element{}, static_cast<std::uint16_t>(pair >> (16 * i)));
    };
    for (std::size_t i = 0; i < kWarpThreads; ++i) {
      const std::size_t row = i / 4, column = i % 4 * 2;
      for (std::size_t e = 0; e < 2; ++e) {
        for (std::size_t half = 0; half < 4; ++half)
          a[row + half % 2 * 8][column + half / 2 * 8 + e] = part(all.in[i][half], e);
        for (std::size_t half = 0; half < 2; ++half)
          b[column + half * 8 + e][row] = part(all.in[i][4 + half], e);
      }
    }
    for (std::size_t i = 0; i < kWarpThreads; ++i)
      for (std::size_t e = 0; e < 4; ++e) {
        float sum = 0;
        for (std::size_t k = 0; k < 16; ++k)
          sum += a[i / 4 + e / 2 * 8][k] * b[k][i % 4 * 2 + e % 2];
        all.sums[i][e] += sum;
      }
    ++block.counts().products;
  }

  template <bool kTransposed>
  static void load_warp(Block& block, int warp) {
    constexpr std::size_t kRowBytes = 16;
    auto& all = block.slots(warp * kWarpThreads);
    for (std::size_t matrix = 0; matrix < 4; ++matrix) {
      std::uint16_t values[8][8];
      std::vector<std::size_t> offsets;
      for (std::size_t row = 0; row < 8; ++row) {
        const std::size_t lane = matrix * 8 + row;
        offsets.push_back(all.in[lane][0]);
        const int thread = warp * kWarpThreads + static_cast<int>(lane);
        std::memcpy(values[row],
                    block.shared().read(offsets.back(), kRowBytes, block.moment(thread)),
                    kRowBytes);
      }
      block.count_wavefronts(offsets, kRowBytes);
      for (std::size_t i = 0; i < kWarpThreads; ++i) {
        const std::size_t row = i / 4, column = i % 4 * 2;
        const std::uint16_t low = kTransposed ? values[column][row] : values[row][column],
                            high = kTransposed ? values[column + 1][row] : values[row][column + 1];
        all.out[i][matrix] = low | static_cast<std::uint32_t>(high) << 16;
      }
    }
  }

  Block* block_;
  int index_;
  std::array<int, 3> place_;
};

struct Grid {
  std::array<int, 3> blocks{1, 1, 1};
  int threads = 32;
  int shared_bytes = 0;
  int skipped_barrier = -1;  ///< of each thread, from 0 on: what happens without it
};

/// Runs a kernel, kernel(Thread&), for each thread of a grid, blocks and threads in an order that
/// follows from the seed. @throws Fault
template <class Kernel>
Counts launch(const Grid& grid, GlobalMemory& memory, std::uint64_t seed, const Kernel& kernel) {
  memory.begin_launch();
  Block block(grid.threads, static_cast<std::size_t>(grid.shared_bytes), memory, seed);
  block.skip_barrier(grid.skipped_barrier);
  const auto [x, y, z] = grid.blocks;
  std::vector<int> order(static_cast<std::size_t>(x) * static_cast<std::size_t>(y) *
                         static_cast<std::size_t>(z));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
  for (const int number : order) {
    const std::array<int, 3> place{number % x, number / x % y, number / x / y};
    block.run(number, [&](int index) {
      Thread thread(block, index, place);
      kernel(thread);
    });
  }
  return block.counts();
}

}  // namespace longspan::emulator
