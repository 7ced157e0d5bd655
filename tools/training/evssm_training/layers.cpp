// The other layers of a block and their gradients: depthwise convolutions, norms and the filter of 8x8 patches.
//
// Arrays are float32, contiguous and channels-first. A plane is one channel of one sample, small enough for the
// second-level cache; what a gradient needs and can be had again from the input is computed again.

#include <cmath>

#include "lanes.h"

namespace {

/// A plane with a border of zeros, and room for whole vectors behind its end.
class Padded {
 public:
  Padded(int64_t height, int64_t width)
      : height_(height), width_(width), stride_(width + 2), values_((height + 2) * (width + 2) + kLanes, 0.0f) {}

  void fill(const float *plane) {
    for (int64_t y = 0; y < height_; ++y) std::memcpy(at(y + 1) + 1, plane + y * width_, width_ * sizeof(float));
  }

  float *at(int64_t row) { return values_.data() + row * stride_; }

 private:
  int64_t height_, width_, stride_;
  std::vector<float> values_;
};

/// A plane rounded up to whole vectors.
std::vector<float> scratch(int64_t height, int64_t width) { return std::vector<float>(height * width + kLanes, 0.0f); }

void convolve(Padded &in, const float *k, float bias, float *out, int64_t height, int64_t width) {
  const float a = k[0], b = k[1], c = k[2], d = k[3], e = k[4], f = k[5], g = k[6], h = k[7], i = k[8];
  for (int64_t y = 0; y < height; ++y) {
    const float *__restrict above = in.at(y), *__restrict here = in.at(y + 1), *__restrict below = in.at(y + 2);
    float *__restrict row = out + y * width;
    for (int64_t x = 0; x < width; ++x) {
      row[x] = bias + a * above[x] + b * above[x + 1] + c * above[x + 2] + d * here[x] + e * here[x + 1] +
               f * here[x + 2] + g * below[x] + h * below[x + 1] + i * below[x + 2];
    }
  }
}

/// Gradients of the kernel and of the bias: in dk[0 ..< 9] and dk[9].
void weigh(Padded &in, const float *dy, float *dk, int64_t height, int64_t width) {
  Lanes sums[10] = {};
  const int64_t whole = width / kLanes * kLanes;
  float rest[10] = {};
  for (int64_t y = 0; y < height; ++y) {
    const float *row = dy + y * width;
    for (int64_t x = 0; x < whole; x += kLanes) {
      const Lanes gradient = load_lanes(row + x);
      for (int tap = 0; tap < 9; ++tap) sums[tap] += gradient * load_lanes(in.at(y + tap / 3) + x + tap % 3);
      sums[9] += gradient;
    }
    for (int64_t x = whole; x < width; ++x) {
      for (int tap = 0; tap < 9; ++tap) rest[tap] += row[x] * in.at(y + tap / 3)[x + tap % 3];
      rest[9] += row[x];
    }
  }
  for (int tap = 0; tap < 10; ++tap) dk[tap] = total(sums[tap]) + rest[tap];
}

void reversed(const float *k, float *to) {
  for (int tap = 0; tap < 9; ++tap) to[tap] = k[8 - tap];
}

/// Position i of a block of positions: all channels of 64 neighbouring positions fit into the first-level cache.
constexpr int64_t kBlock = 64;
constexpr int kVectors = kBlock / kLanes;

/// Positions [start, start + 64) of a row, 0 behind its end.
struct Block {
  Lanes at[kVectors];

  Block() : at{} {}

  Block(const float *row, int64_t start, int64_t length) {
    if (start + kBlock <= length) {
      std::memcpy(at, row + start, sizeof at);
    } else {
      std::memset(at, 0, sizeof at);
      std::memcpy(at, row + start, (length - start) * sizeof(float));
    }
  }

  void store(float *row, int64_t start, int64_t length) const {
    std::memcpy(row + start, at, std::min(kBlock, length - start) * sizeof(float));
  }
};

Lanes root(Lanes x) {
  for (int lane = 0; lane < kLanes; ++lane) x[lane] = std::sqrt(x[lane]);
  return x;
}

constexpr int kSide = 8;
constexpr int kPixels = kSide * kSide;
constexpr int kRow = kPixels / kLanes;

void gather(const float *plane, int64_t width, float *patch) {
  for (int y = 0; y < kSide; ++y) std::memcpy(patch + y * kSide, plane + y * width, kSide * sizeof(float));
}

void scatter(const float *patch, int64_t width, float *plane) {
  for (int y = 0; y < kSide; ++y) std::memcpy(plane + y * width, patch + y * kSide, kSide * sizeof(float));
}

/// patch times matrix, 64x64 by rows.
void multiply(const float *patch, const float *matrix, float *to) {
  Lanes sums[kRow] = {};
  for (int in = 0; in < kPixels; ++in)
    for (int vector = 0; vector < kRow; ++vector)
      sums[vector] += patch[in] * load_lanes(matrix + in * kPixels + vector * kLanes);
  std::memcpy(to, sums, sizeof sums);
}

}  // namespace

extern "C" {

/// y = GELU(conv(x) + bias). x, y: (batch, channels, height, width); k: (channels, 10), nine taps and the bias.
void evssm_convolve_gelu_forward(const float *x, const float *k, float *y, int64_t batch, int64_t channels,
                                 int64_t height, int64_t width, int threads) {
  const int64_t pixels = height * width;
  parallel(batch * channels, threads, [=](int64_t plane) {
    Padded in(height, width);
    auto sum = scratch(height, width);
    const float *kernel = k + plane % channels * 10;
    in.fill(x + plane * pixels);
    convolve(in, kernel, kernel[9], sum.data(), height, width);
    for (int64_t i = 0; i < pixels; i += kLanes) {
      const Lanes value = load_lanes(&sum[i]);
      store_lanes(value * Normal(value).below, &sum[i]);
    }
    std::memcpy(y + plane * pixels, sum.data(), pixels * sizeof(float));
  });
}

/// dk comes per sample, to be summed: (batch, channels, 10).
void evssm_convolve_gelu_backward(const float *x, const float *k, const float *dy, float *dx, float *dk,
                                  int64_t batch, int64_t channels, int64_t height, int64_t width, int threads) {
  const int64_t pixels = height * width;
  parallel(batch * channels, threads, [=](int64_t plane) {
    Padded in(height, width), gradient(height, width);
    auto sum = scratch(height, width), slope = scratch(height, width);
    const float *kernel = k + plane % channels * 10;
    in.fill(x + plane * pixels);
    convolve(in, kernel, kernel[9], sum.data(), height, width);
    std::memcpy(slope.data(), dy + plane * pixels, pixels * sizeof(float));
    for (int64_t i = 0; i < pixels; i += kLanes) {
      const Normal normal(load_lanes(&sum[i]));
      store_lanes(load_lanes(&slope[i]) * (normal.below + normal.slope), &slope[i]);
    }
    weigh(in, slope.data(), dk + plane * 10, height, width);
    float turned[9];
    reversed(kernel, turned);
    gradient.fill(slope.data());
    convolve(gradient, turned, 0, dx + plane * pixels, height, width);
  });
}

/// y = GELU(conv(a)) * conv(b). x: (batch, 2 channels, height, width), a before b; y: (batch, channels, …);
/// k: (2 channels, 9).
void evssm_convolve_gate_forward(const float *x, const float *k, float *y, int64_t batch, int64_t channels,
                                 int64_t height, int64_t width, int threads) {
  const int64_t pixels = height * width;
  parallel(batch * channels, threads, [=](int64_t plane) {
    Padded in(height, width);
    auto a = scratch(height, width), b = scratch(height, width);
    const int64_t channel = plane % channels, first = plane / channels * 2 * channels + channel;
    in.fill(x + first * pixels);
    convolve(in, k + channel * 9, 0, a.data(), height, width);
    in.fill(x + (first + channels) * pixels);
    convolve(in, k + (channel + channels) * 9, 0, b.data(), height, width);
    for (int64_t i = 0; i < pixels; i += kLanes) {
      const Lanes value = load_lanes(&a[i]);
      store_lanes(value * Normal(value).below * load_lanes(&b[i]), &a[i]);
    }
    std::memcpy(y + plane * pixels, a.data(), pixels * sizeof(float));
  });
}

/// dk comes per sample: (batch, 2 channels, 10), the last of ten to be ignored.
void evssm_convolve_gate_backward(const float *x, const float *k, const float *dy, float *dx, float *dk,
                                  int64_t batch, int64_t channels, int64_t height, int64_t width, int threads) {
  const int64_t pixels = height * width;
  parallel(batch * channels, threads, [=](int64_t plane) {
    Padded ina(height, width), inb(height, width), gradient(height, width);
    auto a = scratch(height, width), b = scratch(height, width), dys = scratch(height, width);
    const int64_t channel = plane % channels, first = plane / channels * 2 * channels + channel;
    const int64_t second = first + channels;
    const float *ka = k + channel * 9, *kb = k + (channel + channels) * 9;
    ina.fill(x + first * pixels);
    inb.fill(x + second * pixels);
    convolve(ina, ka, 0, a.data(), height, width);
    convolve(inb, kb, 0, b.data(), height, width);
    std::memcpy(dys.data(), dy + plane * pixels, pixels * sizeof(float));
    for (int64_t i = 0; i < pixels; i += kLanes) {
      const Lanes value = load_lanes(&a[i]), out = load_lanes(&dys[i]);
      const Normal normal(value);
      store_lanes(out * load_lanes(&b[i]) * (normal.below + normal.slope), &a[i]);
      store_lanes(out * value * normal.below, &b[i]);
    }
    weigh(ina, a.data(), dk + first * 10, height, width);
    weigh(inb, b.data(), dk + second * 10, height, width);
    float turned[9];
    reversed(ka, turned);
    gradient.fill(a.data());
    convolve(gradient, turned, 0, dx + first * pixels, height, width);
    reversed(kb, turned);
    gradient.fill(b.data());
    convolve(gradient, turned, 0, dx + second * pixels, height, width);
  });
}

/// y = x / sqrt(mean(x^2) + 1e-6) * weight + bias over channels. x, y: (batch, channels, length).
void evssm_channel_norm_forward(const float *x, const float *weight, const float *bias, float *y, int64_t batch,
                                int64_t channels, int64_t length, int threads) {
  parallel(batch, threads, [=](int64_t sample) {
    const float *in = x + sample * channels * length;
    float *out = y + sample * channels * length;
    for (int64_t start = 0; start < length; start += kBlock) {
      Block squares;
      for (int64_t c = 0; c < channels; ++c) {
        const Block value(in + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) squares.at[v] += value.at[v] * value.at[v];
      }
      for (auto &sum : squares.at) sum = 1.0f / root(sum / static_cast<float>(channels) + 1e-6f);
      for (int64_t c = 0; c < channels; ++c) {
        Block value(in + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) value.at[v] = value.at[v] * squares.at[v] * weight[c] + bias[c];
        value.store(out + c * length, start, length);
      }
    }
  });
}

/// dweight and dbias come per sample: (batch, channels).
void evssm_channel_norm_backward(const float *x, const float *weight, const float *dy, float *dx, float *dweight,
                                 float *dbias, int64_t batch, int64_t channels, int64_t length, int threads) {
  parallel(batch, threads, [=](int64_t sample) {
    const int64_t first = sample * channels * length;
    std::vector<Lanes> dw(channels), db(channels);
    for (int64_t start = 0; start < length; start += kBlock) {
      Block squares, products;
      for (int64_t c = 0; c < channels; ++c) {
        const Block value(x + first + c * length, start, length), out(dy + first + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) {
          squares.at[v] += value.at[v] * value.at[v];
          products.at[v] += value.at[v] * out.at[v] * weight[c];
        }
      }
      for (int v = 0; v < kVectors; ++v) {
        squares.at[v] = 1.0f / root(squares.at[v] / static_cast<float>(channels) + 1e-6f);
        products.at[v] *= squares.at[v] * squares.at[v] / static_cast<float>(channels);
      }
      for (int64_t c = 0; c < channels; ++c) {
        Block value(x + first + c * length, start, length);
        const Block out(dy + first + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) {
          db[c] += out.at[v];
          dw[c] += out.at[v] * value.at[v] * squares.at[v];
          value.at[v] = squares.at[v] * (weight[c] * out.at[v] - value.at[v] * products.at[v]);
        }
        value.store(dx + first + c * length, start, length);
      }
    }
    for (int64_t c = 0; c < channels; ++c) {
      dweight[sample * channels + c] = total(dw[c]);
      dbias[sample * channels + c] = total(db[c]);
    }
  });
}

/// out = LayerNorm(y) * GELU(z), the norm over channels, eps 1e-5. All (batch, channels, length).
void evssm_norm_gate_forward(const float *y, const float *z, const float *weight, const float *bias, float *out,
                             int64_t batch, int64_t channels, int64_t length, int threads) {
  parallel(batch, threads, [=](int64_t sample) {
    const int64_t first = sample * channels * length;
    const float count = static_cast<float>(channels);
    for (int64_t start = 0; start < length; start += kBlock) {
      Block mean, scale;
      for (int64_t c = 0; c < channels; ++c) {
        const Block value(y + first + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) mean.at[v] += value.at[v] / count;
      }
      for (int64_t c = 0; c < channels; ++c) {
        const Block value(y + first + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) {
          const Lanes off = value.at[v] - mean.at[v];
          scale.at[v] += off * off;
        }
      }
      for (auto &sum : scale.at) sum = 1.0f / root(sum / count + 1e-5f);
      for (int64_t c = 0; c < channels; ++c) {
        Block value(y + first + c * length, start, length);
        const Block gate(z + first + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) {
          const Lanes normal = (value.at[v] - mean.at[v]) * scale.at[v] * weight[c] + bias[c];
          value.at[v] = normal * gate.at[v] * Normal(gate.at[v]).below;
        }
        value.store(out + first + c * length, start, length);
      }
    }
  });
}

/// dweight and dbias come per sample: (batch, channels).
void evssm_norm_gate_backward(const float *y, const float *z, const float *weight, const float *bias,
                              const float *dout, float *dy, float *dz, float *dweight, float *dbias, int64_t batch,
                              int64_t channels, int64_t length, int threads) {
  parallel(batch, threads, [=](int64_t sample) {
    const int64_t first = sample * channels * length;
    const float count = static_cast<float>(channels);
    std::vector<Lanes> dw(channels), db(channels);
    std::vector<Block> normals(channels), gradients(channels);
    for (int64_t start = 0; start < length; start += kBlock) {
      Block mean, scale, sums, products;
      for (int64_t c = 0; c < channels; ++c) {
        normals[c] = Block(y + first + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) mean.at[v] += normals[c].at[v] / count;
      }
      for (int64_t c = 0; c < channels; ++c) {
        for (int v = 0; v < kVectors; ++v) {
          normals[c].at[v] -= mean.at[v];
          scale.at[v] += normals[c].at[v] * normals[c].at[v];
        }
      }
      for (auto &sum : scale.at) sum = 1.0f / root(sum / count + 1e-5f);
      for (int64_t c = 0; c < channels; ++c) {
        Block gate(z + first + c * length, start, length);
        const Block out(dout + first + c * length, start, length);
        for (int v = 0; v < kVectors; ++v) {
          const Lanes normal = normals[c].at[v] * scale.at[v];
          const Normal distribution(gate.at[v]);
          const Lanes affine = out.at[v] * gate.at[v] * distribution.below;
          gate.at[v] = out.at[v] * (normal * weight[c] + bias[c]) * (distribution.below + distribution.slope);
          db[c] += affine;
          dw[c] += affine * normal;
          normals[c].at[v] = normal;
          gradients[c].at[v] = affine * weight[c];
          sums.at[v] += gradients[c].at[v] / count;
          products.at[v] += gradients[c].at[v] * normal / count;
        }
        gate.store(dz + first + c * length, start, length);
      }
      for (int64_t c = 0; c < channels; ++c) {
        Block gradient;
        for (int v = 0; v < kVectors; ++v)
          gradient.at[v] =
              scale.at[v] * (gradients[c].at[v] - sums.at[v] - normals[c].at[v] * products.at[v]);
        gradient.store(dy + first + c * length, start, length);
      }
    }
    for (int64_t c = 0; c < channels; ++c) {
      dweight[sample * channels + c] = total(dw[c]);
      dbias[sample * channels + c] = total(db[c]);
    }
  });
}

/// Each 8x8 patch, as a row of 64, times its channel's matrix. x, y: (batch, channels, height, width), sides multiples
/// of 8; matrices: (channels, 64, 64).
void evssm_filter_patches(const float *x, const float *matrices, float *y, int64_t batch, int64_t channels,
                          int64_t height, int64_t width, int threads) {
  parallel(batch * channels, threads, [=](int64_t plane) {
    const float *in = x + plane * height * width, *matrix = matrices + plane % channels * kPixels * kPixels;
    float *out = y + plane * height * width;
    float patch[kPixels], result[kPixels];
    for (int64_t top = 0; top < height; top += kSide) {
      for (int64_t left = 0; left < width; left += kSide) {
        gather(in + top * width + left, width, patch);
        multiply(patch, matrix, result);
        scatter(result, width, out + top * width + left);
      }
    }
  });
}

/// The gradient of the matrices: for each channel the sum over all patches of patch^T times gradient.
void evssm_filter_patches_weigh(const float *x, const float *dy, float *dmatrices, int64_t batch, int64_t channels,
                                int64_t height, int64_t width, int threads) {
  parallel(channels, threads, [=](int64_t channel) {
    float *sums = dmatrices + channel * kPixels * kPixels;
    std::memset(sums, 0, kPixels * kPixels * sizeof(float));
    float patch[kPixels], gradient[kPixels];
    for (int64_t sample = 0; sample < batch; ++sample) {
      const int64_t plane = (sample * channels + channel) * height * width;
      for (int64_t top = 0; top < height; top += kSide) {
        for (int64_t left = 0; left < width; left += kSide) {
          gather(x + plane + top * width + left, width, patch);
          gather(dy + plane + top * width + left, width, gradient);
          for (int in = 0; in < kPixels; ++in)
            for (int vector = 0; vector < kRow; ++vector) {
              float *sum = sums + in * kPixels + vector * kLanes;
              store_lanes(load_lanes(sum) + patch[in] * load_lanes(gradient + vector * kLanes), sum);
            }
        }
      }
    }
  });
}

/// y = conv(x) + bias along rows of `length`, 7 taps. x, y: (batch, channels, length); k: (channels, 8), taps and bias.
void evssm_convolve_row_forward(const float *x, const float *k, float *y, int64_t batch, int64_t channels,
                                int64_t length, int threads) {
  parallel(batch * channels, threads, [=](int64_t row) {
    std::vector<float> in(length + 6, 0.0f);
    std::memcpy(&in[3], x + row * length, length * sizeof(float));
    const float *kernel = k + row % channels * 8;
    const float *__restrict from = in.data();
    float *__restrict out = y + row * length;
    for (int64_t i = 0; i < length; ++i) {
      float sum = kernel[7];
      for (int tap = 0; tap < 7; ++tap) sum += kernel[tap] * from[i + tap];
      out[i] = sum;
    }
  });
}

/// dk comes per sample: (batch, channels, 8).
void evssm_convolve_row_backward(const float *x, const float *k, const float *dy, float *dx, float *dk, int64_t batch,
                                 int64_t channels, int64_t length, int threads) {
  parallel(batch * channels, threads, [=](int64_t row) {
    std::vector<float> in(length + 6 + kLanes, 0.0f), gradient(length + 6 + kLanes, 0.0f);
    std::memcpy(&in[3], x + row * length, length * sizeof(float));
    std::memcpy(&gradient[3], dy + row * length, length * sizeof(float));
    const float *kernel = k + row % channels * 8;
    const float *__restrict from = gradient.data();
    float *__restrict out = dx + row * length;
    for (int64_t i = 0; i < length; ++i) {
      float sum = 0;
      for (int tap = 0; tap < 7; ++tap) sum += kernel[6 - tap] * from[i + tap];
      out[i] = sum;
    }
    Lanes sums[8] = {};
    for (int64_t i = 0; i < length; i += kLanes) {
      const Lanes value = load_lanes(&gradient[i + 3]);
      for (int tap = 0; tap < 7; ++tap) sums[tap] += value * load_lanes(&in[i + tap]);
      sums[7] += value;
    }
    for (int tap = 0; tap < 8; ++tap) dk[row * 8 + tap] = total(sums[tap]);
  });
}
}
