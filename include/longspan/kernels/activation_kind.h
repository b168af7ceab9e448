#pragma once

namespace longspan {

/// Of the feed-forward layer; Swiglu: silu(x W_gate) * (x W_1) (arXiv:2002.05202).
enum class Activation { Relu, Gelu, GeluTanh, Swiglu };

}  // namespace longspan
