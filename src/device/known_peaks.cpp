// By NVIDIA's data sheets "H100 Tensor Core GPU" (SXM and PCIe; its H200 has the SXM part's
// figures), "A100 Tensor Core GPU", "L40S" and "L4 Tensor Core GPU". Their larger figures for
// tensor cores count products with a matrix of which half is zero: 1,979 of the H100, 1,513 of its
// PCIe card, 624 of the A100, 733 of the L40S, 242 of the L4. Products of float32 are those without
// TF32, which LibTorch does not use unless it is told to. The peak of any other GPU is measured.

#include "device/known_peaks.h"

#include <array>

namespace longspan {
namespace {

struct Peak {
  std::string_view name;  // as the driver gives it
  double half_teraflop;   // of bfloat16 and float16
  double float_teraflop;
};

constexpr std::array kPeaks{Peak{"NVIDIA H200", 989.5, 67.0},
                            Peak{"NVIDIA H100 80GB HBM3", 989.5, 67.0},
                            Peak{"NVIDIA H100 PCIe", 756.5, 51.0},
                            Peak{"NVIDIA A100-SXM4-80GB", 312.0, 19.5},
                            Peak{"NVIDIA A100-SXM4-40GB", 312.0, 19.5},
                            Peak{"NVIDIA A100 80GB PCIe", 312.0, 19.5},
                            Peak{"NVIDIA A100-PCIE-40GB", 312.0, 19.5},
                            Peak{"NVIDIA L40S", 362.05, 91.6},
                            Peak{"NVIDIA L4", 121.0, 30.3}};

}  // namespace

std::optional<double> known_peak(std::string_view gpu, c10::ScalarType dtype) {
  for (const auto& [name, half_teraflop, float_teraflop] : kPeaks) {
    if (name != gpu) continue;
    if (dtype == c10::ScalarType::BFloat16 || dtype == c10::ScalarType::Half)
      return half_teraflop * 1e12;
    if (dtype == c10::ScalarType::Float) return float_teraflop * 1e12;
  }
  return std::nullopt;
}

}  // namespace longspan
