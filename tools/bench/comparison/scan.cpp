// The selective scan as a PyTorch operator for CPUs: what a competent user would write to be rid of the Python loop.
//
// Lanes are sixteen channels, so the states stay in vector registers and nothing is added up across lanes; groups of
// channels are shared out among PyTorch's own threads; the exponential is a polynomial of degree 5.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <torch/library.h>

#include <cstdint>
#include <cstring>

namespace {

constexpr int64_t lanes = 16;
constexpr int64_t states = 8;

typedef float Floats __attribute__((vector_size(4 * lanes), aligned(4)));
typedef int32_t Integers __attribute__((vector_size(4 * lanes), aligned(4)));

/// 2 to the power of x, for x at most 0; 0 in place of numbers too small for a normal float.
inline Floats exp2(Floats x) {
  const Floats least = x * 0 - 126;
  x = x < least ? least : x;
  const Floats shifter = x * 0 + 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer
  const Floats rounded = x + shifter;
  const Floats f = x - (rounded - shifter);
  Floats p = f * 1.3333558e-3f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  Integers bits;
  std::memcpy(&bits, &p, sizeof bits);
  Integers exponent;
  std::memcpy(&exponent, &rounded, sizeof exponent);
  bits += (exponent - 0x4B400000) << 23;
  Floats result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

struct Arguments {
  const float *u, *delta, *A, *B, *C, *D;
  float *y;
  int64_t channels, length;
};

Floats load(const float *from) {
  Floats value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Sixteen channels from `first` on, all positions.
void scan(const Arguments &a, int64_t first) {
  Floats decay[states], state[states];
  for (int64_t n = 0; n < states; n++) {
    for (int64_t lane = 0; lane < lanes; lane++) decay[n][lane] = a.A[(first + lane) * states + n] * 1.44269504f;
    state[n] = Floats{} * 0;
  }
  const Floats skip = load(a.D + first);
  for (int64_t position = 0; position < a.length; position++) {
    const Floats u = load(a.u + position * a.channels + first);
    const Floats delta = load(a.delta + position * a.channels + first);
    const Floats driven = delta * u;
    Floats y = skip * u;
    for (int64_t n = 0; n < states; n++) {
      state[n] = exp2(delta * decay[n]) * state[n] + driven * a.B[n * a.length + position];
      y += state[n] * a.C[n * a.length + position];
    }
    std::memcpy(a.y + position * a.channels + first, &y, sizeof y);
  }
}

/// u, delta: (batch, channels, length), best with channels side by side in memory; A: (channels, 8); B, C: (batch, 8,
/// length); D: (channels). Returns y as u, channels side by side.
at::Tensor selective_scan(
    const at::Tensor &u, const at::Tensor &delta, const at::Tensor &A, const at::Tensor &B, const at::Tensor &C,
    const at::Tensor &D) {
  TORCH_CHECK(u.size(1) % lanes == 0 && A.size(1) == states, "channels in sixteens and 8 states are expected");
  const auto inputs = u.transpose(1, 2).contiguous(), steps = delta.transpose(1, 2).contiguous();
  const auto decays = A.contiguous(), in = B.contiguous(), out = C.contiguous(), skips = D.contiguous();
  const int64_t batch = u.size(0), channels = u.size(1), length = u.size(2);
  auto y = at::empty({batch, length, channels}, u.options());
  const int64_t groups = channels / lanes;
  at::parallel_for(0, batch * groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
      const int64_t picture = index / groups, map = picture * length * channels, row = picture * states * length;
      scan({inputs.const_data_ptr<float>() + map, steps.const_data_ptr<float>() + map, decays.const_data_ptr<float>(),
            in.const_data_ptr<float>() + row, out.const_data_ptr<float>() + row, skips.const_data_ptr<float>(),
            y.mutable_data_ptr<float>() + map, channels, length},
           index % groups * lanes);
    }
  });
  return y.transpose(1, 2);
}

}  // namespace

TORCH_LIBRARY(evssm_peers, library) {
  library.def("selective_scan(Tensor u, Tensor delta, Tensor A, Tensor B, Tensor C, Tensor D) -> Tensor");
}

TORCH_LIBRARY_IMPL(evssm_peers, CPU, library) { library.impl("selective_scan", &selective_scan); }
