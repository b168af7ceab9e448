#pragma once

#include "kernels/gpu/curves.h"
#include "kernels/gpu/mask_row.h"

/// The activation of the feed-forward layer with the dropout behind it.
namespace longspan::gpu {

struct ActivationProblem {
  bool is_bfloat16;  ///< else float16
  bool drops;
  Activation activation;
  ChunkedRows shape;
  /// What backward reads of Relu is its output: positive where x is and the element is kept, so
  /// that no mask is drawn and x need not be kept.
  const std::uint16_t* x_NF;
  const std::uint16_t* gate_NF;  ///< Swiglu
  int x_stride, gate_stride;     ///< elements from a row to the next
  RowMasks masks;                ///< with dropout
};

struct ActivationGradients {
  const std::uint16_t* d_out_NF;
  std::uint16_t *d_x_NF, *d_gate_NF;  ///< d_gate_NF: Swiglu
  int stride;                         ///< of both
};

/// Returns where a thread's neighbours lie in rows that are further apart than they are wide.
LONGSPAN_DEVICE std::int64_t offset_by(const Place& place, const ChunkedRows& shape, int stride) {
  return place.offset + std::int64_t{place.row} * (stride - shape.width);
}

/// What a compiled kernel is for.
template <class ElementType, Activation kActivationKind, bool kWithDropout>
struct ActivationKind {
  using Element = ElementType;
  static constexpr Activation kActivation = kActivationKind;
  static constexpr bool kDrops = kWithDropout;
  static constexpr bool kGated = kActivation == Activation::Swiglu;
};

template <class Kind>
struct ActivationForward {
  using Element = typename Kind::Element;

  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const ActivationProblem& p,
                                  std::uint16_t* out_NF) {
    const Place place(thread, p.shape);
    Numbers x{}, gate{}, multipliers{};
    if (place.has_elements) {
      x = load_numbers<Element>(thread, p.x_NF + offset_by(place, p.shape, p.x_stride));
      if constexpr (Kind::kGated)
        gate = load_numbers<Element>(thread, p.gate_NF + offset_by(place, p.shape, p.gate_stride));
    }
    if constexpr (Kind::kDrops) multipliers = p.masks.multipliers(thread, place);
    if (!place.has_elements) return;
    LONGSPAN_UNROLL
    for (int i = 0; i < kNeighbours; ++i) {
      float& y = x.x[i];
      if constexpr (Kind::kGated)
        y *= Curve<Kind::kActivation>::value(thread, gate.x[i]);
      else
        y = Curve<Kind::kActivation>::value(thread, y);
      if constexpr (Kind::kDrops) y *= multipliers.x[i];
    }
    store_numbers<Element>(thread, out_NF + place.offset, x);
  }
};

template <class Kind>
struct ActivationBackward {
  using Element = typename Kind::Element;

  template <class Thread>
  LONGSPAN_DEVICE static void run(Thread& thread, const ActivationProblem& p,
                                  const ActivationGradients& gradients) {
    const Place place(thread, p.shape);
    Numbers x{}, gate{}, d{}, multipliers{};
    if (place.has_elements) {
      x = load_numbers<Element>(thread, p.x_NF + offset_by(place, p.shape, p.x_stride));
      if constexpr (Kind::kGated)
        gate = load_numbers<Element>(thread, p.gate_NF + offset_by(place, p.shape, p.gate_stride));
      d = load_numbers<Element>(thread, gradients.d_out_NF + place.offset);
    }
    if constexpr (Kind::kDrops) multipliers = multipliers_of(thread, p, place);
    if (!place.has_elements) return;
    Numbers d_gate{};
    LONGSPAN_UNROLL
    for (int i = 0; i < kNeighbours; ++i) {
      if constexpr (Kind::kDrops) d.x[i] *= multipliers.x[i];
      if constexpr (Kind::kGated) {
        d_gate.x[i] = d.x[i] * x.x[i] * Curve<Kind::kActivation>::slope(thread, gate.x[i]);
        d.x[i] *= Curve<Kind::kActivation>::value(thread, gate.x[i]);
      } else {
        d.x[i] *= Curve<Kind::kActivation>::slope(thread, x.x[i]);
      }
    }
    const std::int64_t offset = offset_by(place, p.shape, gradients.stride);
    store_numbers<Element>(thread, gradients.d_x_NF + offset, d);
    if constexpr (Kind::kGated)
      store_numbers<Element>(thread, gradients.d_gate_NF + offset, d_gate);
  }

  template <class Thread>
  LONGSPAN_DEVICE static Numbers multipliers_of(Thread& thread, const ActivationProblem& p,
                                                const Place& place) {
    if constexpr (Kind::kActivation == Activation::Relu) {
      Numbers numbers;
      LONGSPAN_UNROLL
      for (int i = 0; i < kNeighbours; ++i) numbers.x[i] = p.masks.rule.scale();
      return numbers;
    } else {
      return p.masks.multipliers(thread, place);
    }
  }
};

template <class Element, Activation kActivation, class Visit>
void visit_dropped(const ActivationProblem& p, const Visit& visit) {
  if (p.drops)
    visit(ActivationKind<Element, kActivation, true>{});
  else
    visit(ActivationKind<Element, kActivation, false>{});
}

template <class Element, class Visit>
void visit_activation(const ActivationProblem& p, const Visit& visit) {
  switch (p.activation) {
    case Activation::Relu:
      return visit_dropped<Element, Activation::Relu>(p, visit);
    case Activation::Gelu:
      return visit_dropped<Element, Activation::Gelu>(p, visit);
    case Activation::GeluTanh:
      return visit_dropped<Element, Activation::GeluTanh>(p, visit);
    case Activation::Swiglu:
      return visit_dropped<Element, Activation::Swiglu>(p, visit);
  }
}

/// Calls visit(ActivationKind<...>{}) with the kind that a problem asks for.
template <class Visit>
void visit_activation_kind(const ActivationProblem& p, const Visit& visit) {
  if (p.is_bfloat16)
    visit_activation<BFloat16>(p, visit);
  else
    visit_activation<Float16>(p, visit);
}

}  // namespace longspan::gpu
