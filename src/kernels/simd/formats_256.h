// How blocks of 256 become IntGroups: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS. Headers are transposed like the
// rest, so that scales are decoded for all rows at once.
#pragma once

#include "kernels/quant_blocks.h"
#include "kernels/simd/formats_32.h"
#include "kernels/simd/matmul_superblocks.h"

namespace hearth::kernels::simd {

// Byte b of each lane, unsigned.
template <typename V, int b>
HEARTH_INLINE typename V::I byte_of(typename V::I x) {
  if constexpr (b == 0) return V::and_(x, V::iset1(255));
  if constexpr (b == 3) return V::template shr32<24>(x);
  if constexpr (b == 1 || b == 2) return V::and_(V::template shr32<8 * b>(x), V::iset1(255));
}

// The scales of a block without minima.
template <typename V>
HEARTH_INLINE BlockScales<V> factor_only(typename V::F d) {
  BlockScales<V> scales;
  scales.d = d;
  return scales;
}

// Moves bit `from` of every byte to bit `to`; the other bits are noise to be masked.
template <typename V, int from, int to>
HEARTH_INLINE typename V::I move_bit(typename V::I x) {
  if constexpr (from < to) return V::template shl16<to - from>(x);
  if constexpr (from > to) return V::template shr16<from - to>(x);
  if constexpr (from == to) return x;
}

// The first 16 bytes of Q4_K and Q5_K.
template <typename V>
struct KHeader {
  typename V::F d, minus_dmin;
  typename V::I scale[2], minimum[2];  // bytes: runs 0-3, runs 4-7

  HEARTH_INLINE KHeader(const Rows<V::kLanes>& rows, size_t offset) {
    typename V::I h[4];
    V::load16(rows, offset, h);
    d = V::f16_low(h[0]);
    minus_dmin = V::sub(V::zero(), V::f16_low(V::template shr32<16>(h[0])));
    const auto six = V::bset1(63), four = V::bset1(15), top = V::bset1(0x30);
    scale[0] = V::and_(h[1], six);
    minimum[0] = V::and_(h[2], six);
    scale[1] = V::and_or(V::template shr16<2>(h[1]), top, V::and_(h[3], four));
    minimum[1] = V::and_or(V::template shr16<2>(h[2]), top, V::and_(V::template shr16<4>(h[3]), four));
  }

  template <int run>
  HEARTH_INLINE typename V::I scale_of() const {
    return byte_of<V, run % 4>(scale[run / 4]);
  }
  HEARTH_INLINE BlockScales<V> scales() const {
    BlockScales<V> all = factor_only<V>(d);
    all.minus_dmin = minus_dmin;
    for (size_t half = 0; half < 2; half++) {
      all.minimum[2 * half] = V::template byte_pair<0, 1>(minimum[half]);
      all.minimum[2 * half + 1] = V::template byte_pair<2, 3>(minimum[half]);
    }
    return all;
  }
};

template <typename V>
struct Q4_K {
  static constexpr size_t kBytes = sizeof(BlockQ4_K);
  static constexpr DType kDType = DType::kQ4_K;
  using Spec = SuperblockSpec<1, 8, 0, 15>;
  template <typename Use>
  static HEARTH_INLINE BlockScales<V> unpack(const Rows<V::kLanes>& rows, size_t offset, const Use& use) {
    const KHeader<V> header(rows, offset);
    const auto mask = V::bset1(15);
    unroll<0, 4>([&](auto chunk) HEARTH_INLINE_LAMBDA {
      constexpr int c = chunk.value;
      typename V::I packed[8];
      V::load16(rows, offset + 16 + 32 * c, packed);
      V::load16(rows, offset + 32 + 32 * c, packed + 4);
      IntGroup<V> g;
      for (size_t i = 0; i < 8; i++) g.w[i] = V::and_(packed[i], mask);
      g.scale[0] = header.template scale_of<2 * c>();
      use(g);
      for (size_t i = 0; i < 8; i++) g.w[i] = V::high_nibble(packed[i]);
      g.scale[0] = header.template scale_of<2 * c + 1>();
      use(g);
    });
    return header.scales();
  }
};

template <typename V>
struct Q5_K {
  static constexpr size_t kBytes = sizeof(BlockQ5_K);
  static constexpr DType kDType = DType::kQ5_K;
  using Spec = SuperblockSpec<1, 8, 0, 31>;
  template <typename Use>
  static HEARTH_INLINE BlockScales<V> unpack(const Rows<V::kLanes>& rows, size_t offset, const Use& use) {
    const KHeader<V> header(rows, offset);
    const auto mask = V::bset1(15), bit = V::bset1(16);
    typename V::I high[8];
    V::load16(rows, offset + 16, high);
    V::load16(rows, offset + 32, high + 4);
    unroll<0, 4>([&](auto chunk) HEARTH_INLINE_LAMBDA {
      constexpr int c = chunk.value;
      typename V::I packed[8];
      V::load16(rows, offset + 48 + 32 * c, packed);
      V::load16(rows, offset + 64 + 32 * c, packed + 4);
      IntGroup<V> g;
      for (size_t i = 0; i < 8; i++) {
        g.w[i] = V::and_or(move_bit<V, 2 * c, 4>(high[i]), bit, V::and_(packed[i], mask));
      }
      g.scale[0] = header.template scale_of<2 * c>();
      use(g);
      for (size_t i = 0; i < 8; i++) {
        const auto low = V::and_(V::template shr16<4>(packed[i]), mask);
        g.w[i] = V::and_or(move_bit<V, 2 * c + 1, 4>(high[i]), bit, low);
      }
      g.scale[0] = header.template scale_of<2 * c + 1>();
      use(g);
    });
    return header.scales();
  }
};

// Groups come as 0 2 1 3 of each half: two of them share a byte's nibbles.
template <typename V>
struct Q6_K {
  static constexpr DType kDType = DType::kQ6_K;
  static constexpr size_t kBytes = sizeof(BlockQ6_K);
  using Spec = SuperblockSpec<2, 0, 32, 63, true>;

  template <typename Use>
  static HEARTH_INLINE BlockScales<V> unpack(const Rows<V::kLanes>& rows, size_t offset, const Use& use) {
    typename V::I scales[4];
    V::load16(rows, offset + 192, scales);
    uint16_t d[V::kLanes];
    copy_fields<uint16_t, 208, sizeof(BlockQ6_K)>(rows, offset, 1, d);
    const auto mask = V::bset1(15), pair = V::bset1(0x30);
    unroll<0, 2>([&](auto part) HEARTH_INLINE_LAMBDA {
      constexpr int half = part.value;
      typename V::I high[8];
      V::load16(rows, offset + 128 + 32 * half, high);
      V::load16(rows, offset + 144 + 32 * half, high + 4);
      unroll<0, 2>([&](auto odd_run) HEARTH_INLINE_LAMBDA {
        constexpr int odd = odd_run.value;
        typename V::I packed[8];
        V::load16(rows, offset + 64 * half + 32 * odd, packed);
        V::load16(rows, offset + 64 * half + 32 * odd + 16, packed + 4);
        IntGroup<V> g;
        for (size_t i = 0; i < 8; i++) {
          g.w[i] = V::and_or(move_bit<V, 2 * odd, 4>(high[i]), pair, V::and_(packed[i], mask));
        }
        sub_scales<4 * half + odd>(scales, g);
        use(g);
        for (size_t i = 0; i < 8; i++) {
          const auto low = V::and_(V::template shr16<4>(packed[i]), mask);
          g.w[i] = V::and_or(move_bit<V, 4 + 2 * odd, 4>(high[i]), pair, low);
        }
        sub_scales<4 * half + odd + 2>(scales, g);
        use(g);
      });
    });
    return factor_only<V>(V::load_u16_as_f16(d));
  }

  template <int group>
  static HEARTH_INLINE void sub_scales(const typename V::I (&scales)[4], IntGroup<V>& g) {
    constexpr int byte = 2 * group % 4;
    const auto& from = scales[group / 2];
    g.scale[0] = V::template sar32<24>(V::template shl32<24 - 8 * byte>(from));
    g.scale[1] = V::template sar32<24>(V::template shl32<16 - 8 * byte>(from));
  }
};

// The 4-bit scales are multiplied into the 2-bit weights: at most 45, exact.
template <typename V>
struct Q2_K {
  static constexpr size_t kBytes = sizeof(BlockQ2_K);
  static constexpr DType kDType = DType::kQ2_K;
  using Spec = SuperblockSpec<0, 16, 0, 45>;
  template <typename Use>
  static HEARTH_INLINE BlockScales<V> unpack(const Rows<V::kLanes>& rows, size_t offset, const Use& use) {
    typename V::I scales[4], tail[4];
    V::load16(rows, offset, scales);
    V::load16(rows, offset + 68, tail);  // bytes 80-83: d, dmin
    BlockScales<V> block;
    block.d = V::f16_low(tail[3]);
    block.minus_dmin = V::sub(V::zero(), V::f16_low(V::template shr32<16>(tail[3])));
    const auto four = V::bset1(15), two = V::bset1(3);
    unroll<0, 2>([&](auto part) HEARTH_INLINE_LAMBDA {
      constexpr int half = part.value;
      typename V::I packed[8];
      V::load16(rows, offset + 16 + 32 * half, packed);
      V::load16(rows, offset + 32 + 32 * half, packed + 4);
      unroll<0, 4>([&](auto run_of_half) HEARTH_INLINE_LAMBDA {
        constexpr int run = run_of_half.value, group = 4 * half + run, byte = 2 * group % 4;
        const auto scale = V::and_(scales[group / 2], four);
        const auto minimum = V::and_(V::template shr16<4>(scales[group / 2]), four);
        const typename V::I factor[2] = {V::template byte_pair<byte, byte>(scale),
                                         V::template byte_pair<byte + 1, byte + 1>(scale)};
        IntGroup<V> g;
        for (size_t i = 0; i < 8; i++) {
          g.w[i] = V::mul16(V::and_(move_bit<V, 2 * run, 0>(packed[i]), two), factor[i / 4]);
        }
        block.minimum[group] = V::template byte_pair<byte, byte + 1>(minimum);
        use(g);
      });
    });
    return block;
  }
};

// The 6-bit scales are multiplied into the 3-bit weights: (q - 4) · (scale - 32) is in [-124, 128], plus 124
// fits a byte. Two weights to an int16: q · s + 124 - 4s is formed for both at once, and carries between them
// cancel because each result is in range.
template <typename V>
struct Q3_K {
  static constexpr size_t kBytes = sizeof(BlockQ3_K);
  static constexpr DType kDType = DType::kQ3_K;
  static constexpr int kZero = 124;
  using Spec = SuperblockSpec<0, 0, kZero, 255>;
  template <typename Use>
  static HEARTH_INLINE BlockScales<V> unpack(const Rows<V::kLanes>& rows, size_t offset, const Use& use) {
    using I = typename V::I;
    I h[4];
    V::load16(rows, offset + 94, h);  // two bytes of qs, 12 of scales, d
    const auto d = V::f16_low(V::template shr32<16>(h[3]));
    I s[3];
    for (size_t i = 0; i < 3; i++)
      s[i] = V::or_(V::template shr32<16>(h[i]), V::template shl32<16>(h[i + 1]));
    const auto four = V::bset1(15), top = V::bset1(0x30);
    const I scale[4] = {
        V::and_or(V::template shl16<4>(s[2]), top, V::and_(s[0], four)),
        V::and_or(V::template shl16<2>(s[2]), top, V::and_(s[1], four)),
        V::and_or(s[2], top, V::and_(V::template shr16<4>(s[0]), four)),
        V::and_or(V::template shr16<2>(s[2]), top, V::and_(V::template shr16<4>(s[1]), four))};
    I high[8];
    V::load16(rows, offset, high);
    V::load16(rows, offset + 16, high + 4);
    const auto two = V::bset1(3), third = V::bset1(4);
    unroll<0, 2>([&](auto part) HEARTH_INLINE_LAMBDA {
      constexpr int half = part.value;
      I packed[8];
      V::load16(rows, offset + 32 + 32 * half, packed);
      V::load16(rows, offset + 48 + 32 * half, packed + 4);
      unroll<0, 4>([&](auto run_of_half) HEARTH_INLINE_LAMBDA {
        constexpr int run = run_of_half.value, group = 4 * half + run, byte = 2 * group % 4;
        const I factor[2] = {signed_scale(V::template byte_pair<byte, byte>(scale[group / 2])),
                             signed_scale(V::template byte_pair<byte + 1, byte + 1>(scale[group / 2]))};
        const I shift[2] = {offset_of(factor[0]), offset_of(factor[1])};
        IntGroup<V> g;
        for (size_t i = 0; i < 8; i++) {
          const I low = V::and_(move_bit<V, 2 * run, 0>(packed[i]), two);
          const I q = V::and_or(move_bit<V, group, 2>(high[i]), third, low);
          g.w[i] = V::wide_from_unsigned(V::add16(V::mul16(q, factor[i / 4]), shift[i / 4]));
        }
        use(g);
      });
    });
    return factor_only<V>(d);
  }

  static HEARTH_INLINE typename V::I signed_scale(typename V::I s) {
    return V::sub16(s, V::iset1(0x00200020));
  }
  // 124 - 4s, for both bytes of the int16.
  static HEARTH_INLINE typename V::I offset_of(typename V::I s) {
    const auto value = V::sub16(V::iset1(kZero << 16 | kZero), V::template shl16<2>(s));
    return V::mul16(value, V::iset1(257 << 16 | 257));
  }
};

template <typename V>
struct IQ4_XS {
  static constexpr size_t kBytes = sizeof(BlockIQ4_XS);
  static constexpr DType kDType = DType::kIQ4_XS;
  using Spec = SuperblockSpec<1, 0, 128, 255>;
  template <typename Use>
  static HEARTH_INLINE BlockScales<V> unpack(const Rows<V::kLanes>& rows, size_t offset, const Use& use) {
    typename V::I h[4];
    V::load16(rows, offset, h);
    const auto d = V::f16_low(h[0]);
    const auto four = V::iset1(15), top = V::iset1(0x30);
    unroll<0, 8>([&](auto run_index) HEARTH_INLINE_LAMBDA {
      constexpr int run = run_index.value;
      typename V::I packed[4];
      V::load16(rows, offset + 8 + 16 * run, packed);
      IntGroup<V> g;
      split_nibbles<V>(packed, g.w);
      iq4_levels<V>(g.w);
      typename V::I low;
      if constexpr (run == 0) {
        low = V::and_(h[1], four);
      } else {
        low = V::and_(V::template shr32<4 * run>(h[1]), four);
      }
      const auto scale = V::and_or(V::template shr32<12 + 2 * run>(h[0]), top, low);
      g.scale[0] = V::isub(scale, V::iset1(32));
      use(g);
    });
    return factor_only<V>(d);
  }
};

}  // namespace hearth::kernels::simd
