// The key side of attention: packed queries, packed strips of keys, and scores of row tiles.
//
// A policy has kStrip positions to a strip and
//   query_bytes(head_dim)            of one packed query row, at most 4 · head_dim rounded up to 32
//   pack_query(q, head_dim, scale, out)
//   pack(keys, head_dim, out, ahead)     kStrip stored rows; meanwhile as many bytes from `ahead` are fetched
//   scores<R>(queries, query_bytes, strip, head_dim, out)  R rows, out's row stride kAttendSpan
#pragma once

#include "kernels/simd/attention_stored.h"

namespace hearth::kernels::simd {

// Exact floats: [dim][kStrip].
template <typename V, typename Stored>
struct FloatKeys {
  using F = typename V::F;
  static constexpr size_t kLanes = V::kLanes, kVectors = V::kAttendVectors;
  static constexpr size_t kStrip = kVectors * kLanes;

  static size_t query_bytes(size_t head_dim) { return (head_dim + 31) / 32 * 32 * sizeof(float); }

  static void pack_query(const float* q, size_t head_dim, float scale, uint8_t* out) {
    auto* packed = reinterpret_cast<float*>(out);
    for (size_t i = 0; i < head_dim; i++) packed[i] = q[i] * scale;
  }

  static void pack(const uint8_t* keys, size_t head_dim, uint8_t* out, const uint8_t* ahead) {
    const size_t bytes = head_dim * Stored::kBytes;
    for (size_t p = 0; p < kStrip; p += kLanes) {
      const uint8_t* rows = keys + p * bytes;
      float* to = reinterpret_cast<float*>(out) + p;
      for (size_t i = 0; i < head_dim; i += kLanes) {
        const size_t n = head_dim - i < kLanes ? head_dim - i : kLanes;
        F x[kLanes];
        for (size_t r = 0; r < kLanes; r++) {
          V::prefetch(ahead + (p + r) * bytes + i * Stored::kBytes);
          x[r] = load_stored<V, Stored>(rows + r * bytes, i, n);
        }
        V::transpose(x);
        for (size_t j = 0; j < kLanes; j++) V::store(to + (i + j) * kStrip, x[j]);
      }
    }
  }

  template <size_t R>
  static __attribute__((noinline)) void scores(const uint8_t* queries, size_t query_bytes,
                                               const uint8_t* strip, size_t head_dim, float* out) {
    const auto* q = reinterpret_cast<const float*>(queries);
    const auto* k = reinterpret_cast<const float*>(strip);
    const size_t q_stride = query_bytes / sizeof(float);
    F acc[R][kVectors];
    for (size_t r = 0; r < R; r++) {
      for (size_t v = 0; v < kVectors; v++) acc[r][v] = V::zero();
    }
    for (size_t d = 0; d < head_dim; d++) {
      F key[kVectors];
      for (size_t v = 0; v < kVectors; v++) key[v] = V::load(k + d * kStrip + v * kLanes);
      for (size_t r = 0; r < R; r++) {
        const F x = V::set1(q[r * q_stride + d]);
        for (size_t v = 0; v < kVectors; v++) acc[r][v] = V::fma(key[v], x, acc[r][v]);
      }
    }
    for (size_t r = 0; r < R; r++) {
      for (size_t v = 0; v < kVectors; v++) V::store(out + r * kAttendSpan + v * kLanes, acc[r][v]);
    }
  }
};

// Q8_0 keys as they are, queries quantised in the same groups of 32: integer dot products.
// Strip: words [head_dim/4][kStrip], then scales [head_dim/32][kStrip].
template <typename V>
struct Int8Keys {
  using F = typename V::F;
  using I = typename V::I;
  static constexpr size_t kLanes = V::kLanes, kPanel = V::kPanel;
  static constexpr size_t kStrip = V::kAttendVectors * kLanes;
  static_assert(V::kAttendVectors % kPanel == 0);
  static constexpr size_t kGroup = 32, kWords = kGroup / 4;

  // A packed query row: int8 values, then per group a scale and what the dot product starts from.
  struct Query {
    int8_t* q;
    float* scale;
    int32_t* init;
    Query(const uint8_t* row, size_t head_dim)
        : q(reinterpret_cast<int8_t*>(const_cast<uint8_t*>(row))),
          scale(reinterpret_cast<float*>(q + head_dim)),
          init(reinterpret_cast<int32_t*>(scale + head_dim / kGroup)) {}
  };
  static size_t query_bytes(size_t head_dim) { return head_dim * sizeof(float); }

  static void pack_query(const float* q, size_t head_dim, float scale, uint8_t* out) {
    const Query row(out, head_dim);
    auto* sums = reinterpret_cast<int16_t*>(row.init + head_dim / kGroup);
    Elementwise<V>::quantize_activations(q, head_dim, kActivationGroup, {row.q, row.scale, sums});
    for (size_t g = 0; g < head_dim / kGroup; g++) {
      row.scale[g] *= scale;
      row.init[g] = V::kSignedWide ? 0 : -128 * (sums[2 * g] + sums[2 * g + 1]);
    }
  }

  static void pack(const uint8_t* keys, size_t head_dim, uint8_t* out, const uint8_t* ahead) {
    const size_t n_groups = head_dim / kGroup, bytes = n_groups * sizeof(BlockQ8_0);
    auto* scales = reinterpret_cast<float*>(out + head_dim * kStrip);
    for (size_t p = 0; p < kStrip; p += kLanes) {
      Rows<kLanes> rows;
      for (size_t i = 0; i < kLanes / 4; i++) rows.quad[i] = keys + (p + 4 * i) * bytes;
      rows.stride = bytes;
      for (size_t g = 0; g < n_groups; g++) {
        uint16_t halves[kLanes];
        for (size_t r = 0; r < kLanes; r++) {
          const uint8_t* block = keys + (p + r) * bytes + g * sizeof(BlockQ8_0);
          __builtin_memcpy(&halves[r], block, sizeof halves[r]);
        }
        const uint8_t* next = ahead + p * bytes + g * kLanes * sizeof(BlockQ8_0);
        for (size_t i = 0; i < kLanes * sizeof(BlockQ8_0); i += 64) V::prefetch(next + i);
        I words[kWords];
        V::load16(rows, g * sizeof(BlockQ8_0) + 2, words);
        V::load16(rows, g * sizeof(BlockQ8_0) + 18, words + 4);
        for (size_t c = 0; c < kWords; c++) {
          V::istore(out + ((g * kWords + c) * kStrip + p) * 4, V::wide_from_signed(words[c]));
        }
        V::store(scales + g * kStrip + p, V::load_u16_as_f16(halves));
      }
    }
  }

  template <size_t R>
  static void scores(const uint8_t* queries, size_t query_bytes, const uint8_t* strip, size_t head_dim,
                     float* out) {
    if constexpr (R > V::kScoreRows) {
      constexpr size_t kHalf = R / 2;
      scores<kHalf>(queries, query_bytes, strip, head_dim, out);
      scores<R - kHalf>(queries + kHalf * query_bytes, query_bytes, strip, head_dim,
                        out + kHalf * kAttendSpan);
    } else {
      for (size_t p = 0; p < kStrip; p += kPanel * kLanes) {
        panel<R>(queries, query_bytes, strip, head_dim, p, out + p);
      }
    }
  }

 private:
  template <size_t R>
  static __attribute__((noinline)) void panel(const uint8_t* queries, size_t query_bytes,
                                              const uint8_t* strip, size_t head_dim, size_t position,
                                              float* out) {
    const uint8_t* words = strip + position * 4;
    const float* scales = reinterpret_cast<const float*>(strip + head_dim * kStrip) + position;
    F acc[R][kPanel];
    for (size_t r = 0; r < R; r++) {
      for (size_t v = 0; v < kPanel; v++) acc[r][v] = V::zero();
    }
    for (size_t g = 0; g < head_dim / kGroup; g++) {
      typename V::template Dot<255, static_cast<int>(kWords)> dot[R][kPanel];
      for (size_t r = 0; r < R; r++) {
        const I init = V::iset1(Query(queries + r * query_bytes, head_dim).init[g]);
        for (size_t v = 0; v < kPanel; v++) dot[r][v].start(init);
      }
      unroll<0, kWords>([&](auto c) HEARTH_INLINE_LAMBDA {
        constexpr auto kWord = static_cast<size_t>(decltype(c)::value);
        I w[kPanel];
        for (size_t v = 0; v < kPanel; v++) {
          w[v] = V::iload(words + ((g * kWords + kWord) * kStrip + v * kLanes) * 4);
        }
        for (size_t r = 0; r < R; r++) {
          const I x = V::broadcast4(Query(queries + r * query_bytes, head_dim).q + g * kGroup + 4 * kWord);
          for (size_t v = 0; v < kPanel; v++) dot[r][v].template step<static_cast<int>(kWord)>(w[v], x);
        }
      });
      for (size_t r = 0; r < R; r++) {
        const F scale = V::set1(Query(queries + r * query_bytes, head_dim).scale[g]);
        for (size_t v = 0; v < kPanel; v++) {
          const F product = V::to_float(dot[r][v].finish());
          acc[r][v] = V::fma(product, V::mul(V::load(scales + g * kStrip + v * kLanes), scale), acc[r][v]);
        }
      }
    }
    for (size_t r = 0; r < R; r++) {
      for (size_t v = 0; v < kPanel; v++) V::store(out + r * kAttendSpan + v * kLanes, acc[r][v]);
    }
  }
};

}  // namespace hearth::kernels::simd
