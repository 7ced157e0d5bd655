// Vectors of 16 floats, their exponential and GELU, and threads: shared by the kernels of the training tool.

#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

constexpr int kLanes = 16;

typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t IntLanes __attribute__((vector_size(kLanes * sizeof(int32_t))));

inline Lanes broadcast(float value) { return value - Lanes{}; }

inline Lanes load_lanes(const float *from) {
  Lanes lanes;
  std::memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

inline void store_lanes(Lanes lanes, float *to) { std::memcpy(to, &lanes, sizeof lanes); }

/// exp(x) for x <= 0, to about 1e-7 relative; 0 below -87.
inline Lanes exponential(Lanes x) {
  const Lanes floor = broadcast(-87.0f);
  x = x > floor ? x : floor;
  const Lanes scaled = x * 1.44269504f;
  const Lanes magic = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const Lanes shifted = scaled + magic;
  const Lanes whole = shifted - magic;
  const Lanes rest = (x - whole * 0.693359375f) - whole * -2.12194440e-4f;
  Lanes sum = rest * 1.98412698e-4f + 1.38888889e-3f;
  sum = sum * rest + 8.33333333e-3f;
  sum = sum * rest + 4.16666667e-2f;
  sum = sum * rest + 1.66666667e-1f;
  sum = sum * rest + 0.5f;
  sum = sum * rest + 1.0f;
  sum = sum * rest + 1.0f;
  IntLanes bits = __builtin_convertvector(whole, IntLanes);
  bits = (bits + 127) << 23;
  return sum * reinterpret_cast<const Lanes &>(bits);
}

inline float total(Lanes x) {
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int lane = 0; lane < half; ++lane) x[lane] += x[lane + half];
  return x[0];
}

/// The normal distribution at x, to 1e-7, and x times its density: GELU(x) = x * below, GELU'(x) = below + slope.
struct Normal {
  Lanes below, slope;

  explicit Normal(Lanes x) {
    const Lanes size = x > 0 ? x : -x;
    const Lanes density = exponential(-0.5f * x * x);
    const Lanes t = 1.0f / (1.0f + 0.2316419f * size);
    Lanes sum = t * 0.5307027145f - 0.7265760135f;
    sum = sum * t + 0.7107068705f;
    sum = sum * t - 0.142248368f;
    sum = sum * t + 0.1274147955f;
    const Lanes above = sum * t * density;
    below = x > 0 ? 1.0f - above : above;
    slope = x * density * 0.39894228f;
  }
};

/// Calls `body` with 0 ..< count, in turn on each of the threads.
template <typename Body>
void parallel(int64_t count, int threads, Body body) {
  threads = static_cast<int>(std::min<int64_t>(threads, count));
  std::vector<std::thread> others;
  auto share = [=](int thread) {
    for (int64_t item = thread; item < count; item += threads) body(item);
  };
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(share, thread);
  share(0);
  for (auto &other : others) other.join();
}
