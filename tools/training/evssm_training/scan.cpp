// The recurrence of the scan and its gradient, vectorised over channels, a thread per share of the work.
//
//   h_l = exp(delta_l A) h_(l-1) + delta_l u_l B_l,   y_l = C_l . h_l + D u_l,   h_(-1) = 0
//
// Arrays are float32 and contiguous: u, delta, y (batch, channels, length); A (channels, 8); B, C (batch, 8, length);
// D (channels). The forward pass keeps the state at the start of every stretch of 32 steps; the backward pass goes
// through the stretches from the last to the first and computes the states between anew.

#include "lanes.h"

namespace {

constexpr int kStates = 8;
constexpr int kStretch = 32;

/// Steps [start, start + count) of up to 16 channels, transposed: a vector of channels per step. Missing lanes are 0.
void load(const float *from, int64_t length, int channels, int64_t start, int count, Lanes *to) {
  if (channels < kLanes) std::memset(to, 0, sizeof(Lanes) * count);
  float *out = reinterpret_cast<float *>(to);
  for (int channel = 0; channel < channels; ++channel) {
    const float *row = from + channel * length + start;
    for (int step = 0; step < count; ++step) out[step * kLanes + channel] = row[step];
  }
}

void store(const Lanes *from, int64_t length, int channels, int64_t start, int count, float *to) {
  const float *in = reinterpret_cast<const float *>(from);
  for (int channel = 0; channel < channels; ++channel) {
    float *row = to + channel * length + start;
    for (int step = 0; step < count; ++step) row[step] = in[step * kLanes + channel];
  }
}

void load_matrix(const float *A, int channels, Lanes *to) {
  std::memset(to, 0, sizeof(Lanes) * kStates);
  for (int state = 0; state < kStates; ++state)
    for (int channel = 0; channel < channels; ++channel) to[state][channel] = A[channel * kStates + state];
}

struct Sizes {
  int64_t batch, channels, length;
  int64_t groups() const { return (channels + kLanes - 1) / kLanes; }
  int64_t stretches() const { return (length + kStretch - 1) / kStretch; }
  int width(int64_t group) const { return static_cast<int>(std::min<int64_t>(kLanes, channels - group * kLanes)); }
  int steps(int64_t stretch) const {
    return static_cast<int>(std::min<int64_t>(kStretch, length - stretch * kStretch));
  }
};

}  // namespace

extern "C" {

/// Floats that `evssm_scan_forward` writes to `kept`.
int64_t evssm_scan_kept(int64_t batch, int64_t channels, int64_t length) {
  const Sizes sizes{batch, channels, length};
  return batch * sizes.groups() * sizes.stretches() * kStates * kLanes;
}

/// Writes y; and, unless `kept` is null, the states that the backward pass needs.
void evssm_scan_forward(const float *u, const float *delta, const float *A, const float *B, const float *C,
                        const float *D, float *y, float *kept, int64_t batch, int64_t channels, int64_t length,
                        int threads) {
  const Sizes sizes{batch, channels, length};
  parallel(batch * sizes.groups(), threads, [=](int64_t item) {
    const int64_t sample = item / sizes.groups(), group = item % sizes.groups();
    const int64_t first = (sample * channels + group * kLanes) * length;
    const int width = sizes.width(group);
    const float *Bs = B + sample * kStates * length, *Cs = C + sample * kStates * length;
    Lanes a[kStates], h[kStates], us[kStretch], deltas[kStretch], ys[kStretch], skip{};
    load_matrix(A + group * kLanes * kStates, width, a);
    for (int lane = 0; lane < width; ++lane) skip[lane] = D[group * kLanes + lane];
    for (auto &state : h) state = Lanes{};
    for (int64_t stretch = 0; stretch < sizes.stretches(); ++stretch) {
      const int64_t start = stretch * kStretch;
      const int count = sizes.steps(stretch);
      if (kept) std::memcpy(kept + (item * sizes.stretches() + stretch) * kStates * kLanes, h, sizeof h);
      load(u + first, length, width, start, count, us);
      load(delta + first, length, width, start, count, deltas);
      for (int step = 0; step < count; ++step) {
        const Lanes drive = us[step] * deltas[step];
        Lanes sum = skip * us[step];
        for (int state = 0; state < kStates; ++state) {
          h[state] = exponential(deltas[step] * a[state]) * h[state] + drive * Bs[state * length + start + step];
          sum += h[state] * Cs[state * length + start + step];
        }
        ys[step] = sum;
      }
      store(ys, length, width, start, count, y + first);
    }
  });
}

/// Writes the gradients of u, delta, B and C. Those of A and D come per sample, to be summed: (batch, channels, 8) and
/// (batch, channels).
void evssm_scan_backward(const float *u, const float *delta, const float *A, const float *B, const float *C,
                         const float *D, const float *dy, const float *kept, float *du, float *ddelta, float *dA,
                         float *dB, float *dC, float *dD, int64_t batch, int64_t channels, int64_t length,
                         int threads) {
  const Sizes sizes{batch, channels, length};
  parallel(batch, threads, [=](int64_t sample) {
    const int64_t groups = sizes.groups();
    const float *Bs = B + sample * kStates * length, *Cs = C + sample * kStates * length;
    float *dBs = dB + sample * kStates * length, *dCs = dC + sample * kStates * length;
    std::vector<Lanes> carried(groups * kStates), dAs(groups * kStates), dDs(groups);
    std::vector<Lanes> before(kStretch * kStates), decays(kStretch * kStates);
    std::vector<Lanes> sumsB(kStretch * kStates), sumsC(kStretch * kStates);
    Lanes us[kStretch], deltas[kStretch], dys[kStretch], dus[kStretch], ddeltas[kStretch], a[kStates];
    for (int64_t stretch = sizes.stretches() - 1; stretch >= 0; --stretch) {
      const int64_t start = stretch * kStretch;
      const int count = sizes.steps(stretch);
      std::fill(sumsB.begin(), sumsB.end(), Lanes{});
      std::fill(sumsC.begin(), sumsC.end(), Lanes{});
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t first = (sample * channels + group * kLanes) * length;
        const int width = sizes.width(group);
        load(u + first, length, width, start, count, us);
        load(delta + first, length, width, start, count, deltas);
        load(dy + first, length, width, start, count, dys);
        load_matrix(A + group * kLanes * kStates, width, a);
        Lanes skip{};
        for (int lane = 0; lane < width; ++lane) skip[lane] = D[group * kLanes + lane];

        Lanes h[kStates];
        std::memcpy(h, kept + ((sample * groups + group) * sizes.stretches() + stretch) * kStates * kLanes, sizeof h);
        for (int step = 0; step < count; ++step) {
          const Lanes drive = us[step] * deltas[step];
          for (int state = 0; state < kStates; ++state) {
            const Lanes decay = exponential(deltas[step] * a[state]);
            before[step * kStates + state] = h[state];
            decays[step * kStates + state] = decay;
            h[state] = decay * h[state] + drive * Bs[state * length + start + step];
            sumsC[step * kStates + state] += dys[step] * h[state];
          }
        }
        Lanes *dh = &carried[group * kStates], *dAg = &dAs[group * kStates];
        Lanes dDg = dDs[group];
        for (int step = count - 1; step >= 0; --step) {
          const Lanes drive = us[step] * deltas[step];
          Lanes ddrive{}, ddelta_step{};
          for (int state = 0; state < kStates; ++state) {
            const Lanes decay = decays[step * kStates + state];
            const Lanes gradient = dh[state] + dys[step] * Cs[state * length + start + step];
            const Lanes dexponent = gradient * before[step * kStates + state] * decay;
            ddrive += gradient * Bs[state * length + start + step];
            ddelta_step += dexponent * a[state];
            dAg[state] += dexponent * deltas[step];
            sumsB[step * kStates + state] += gradient * drive;
            dh[state] = gradient * decay;
          }
          dus[step] = skip * dys[step] + ddrive * deltas[step];
          ddeltas[step] = ddelta_step + ddrive * us[step];
          dDg += dys[step] * us[step];
        }
        dDs[group] = dDg;
        store(dus, length, width, start, count, du + first);
        store(ddeltas, length, width, start, count, ddelta + first);
      }
      for (int step = 0; step < count; ++step) {
        for (int state = 0; state < kStates; ++state) {
          dBs[state * length + start + step] = total(sumsB[step * kStates + state]);
          dCs[state * length + start + step] = total(sumsC[step * kStates + state]);
        }
      }
    }
    for (int64_t channel = 0; channel < channels; ++channel) {
      const int64_t group = channel / kLanes, lane = channel % kLanes;
      dD[sample * channels + channel] = dDs[group][lane];
      for (int state = 0; state < kStates; ++state)
        dA[(sample * channels + channel) * kStates + state] = dAs[group * kStates + state][lane];
    }
  });
}
}
