// How blocks of 32 become a Group: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4.
//
// Their 2-byte scales sit at odd places of every row; they are copied by the scalar units for a whole chunk
// ahead of use, beside the vector work.
#pragma once

#include "kernels/float_bits.h"
#include "kernels/quant_blocks.h"
#include "kernels/simd/matmul_blocks.h"

namespace hearth::kernels::simd {

// For each block of a chunk and each row, the value of type T that is kOffset bytes into the block.
template <typename T, size_t kOffset, size_t kBytes, size_t kLanes>
HEARTH_INLINE void copy_fields(const Rows<kLanes>& rows, size_t offset, size_t n_blocks, T* out) {
  for (size_t b = 0; b < n_blocks; b++, offset += kBytes) {
    for (size_t r = 0; r < kLanes; r++) {
      __builtin_memcpy(out + b * kLanes + r, rows.quad[r / 4] + (r % 4) * rows.stride + offset + kOffset,
                       sizeof(T));
    }
  }
}

// Low nibbles are columns 0 … 15, high ones 16 … 31.
template <typename V>
HEARTH_INLINE void split_nibbles(const typename V::I (&packed)[4], typename V::I (&w)[8]) {
  const auto mask = V::bset1(15);
  for (size_t c = 0; c < 4; c++) {
    w[c] = V::and_(packed[c], mask);
    w[c + 4] = V::and_(V::template shr16<4>(packed[c]), mask);
  }
}

template <typename V, typename Block>
struct Format32 {
  static constexpr size_t kBytes = sizeof(Block);
  static constexpr size_t kCopies = kChunkGroups * V::kLanes;
};

template <typename V>
struct Q4_0 : Format32<V, BlockQ4_0> {
  static constexpr DType kDType = DType::kQ4_0;
  using Spec = BlockSpec<false, 8, 15>;
  struct Scratch {
    uint16_t d[Q4_0::kCopies];
  };
  static HEARTH_INLINE void prepare(const Rows<V::kLanes>& rows, size_t offset, size_t n, Scratch& s) {
    copy_fields<uint16_t, 0, sizeof(BlockQ4_0)>(rows, offset, n, s.d);
  }
  static HEARTH_INLINE void unpack(const Rows<V::kLanes>& rows, size_t offset, size_t b, const Scratch& s,
                                   Group<V>& g) {
    typename V::I packed[4];
    V::load16(rows, offset + 2, packed);
    split_nibbles<V>(packed, g.w);
    g.scale = V::load_u16_as_f16(s.d + b * V::kLanes);
  }
};

template <typename V>
struct Q4_1 : Format32<V, BlockQ4_1> {
  static constexpr DType kDType = DType::kQ4_1;
  using Spec = BlockSpec<true, 0, 15>;
  struct Scratch {
    uint16_t d[Q4_1::kCopies], m[Q4_1::kCopies];
  };
  static HEARTH_INLINE void prepare(const Rows<V::kLanes>& rows, size_t offset, size_t n, Scratch& s) {
    copy_fields<uint16_t, 0, sizeof(BlockQ4_1)>(rows, offset, n, s.d);
    copy_fields<uint16_t, 2, sizeof(BlockQ4_1)>(rows, offset, n, s.m);
  }
  static HEARTH_INLINE void unpack(const Rows<V::kLanes>& rows, size_t offset, size_t b, const Scratch& s,
                                   Group<V>& g) {
    typename V::I packed[4];
    V::load16(rows, offset + 4, packed);
    split_nibbles<V>(packed, g.w);
    g.scale = V::load_u16_as_f16(s.d + b * V::kLanes);
    g.minimum = V::load_u16_as_f16(s.m + b * V::kLanes);
  }
};

// Adds the fifth bits: bit j of each lane of `bits` belongs to column j.
template <typename V>
HEARTH_INLINE void add_fifth_bits(typename V::I bits, typename V::I (&w)[8]) {
  unroll<0, 8>([&](auto c) HEARTH_INLINE_LAMBDA {
    w[c.value] = V::or_(w[c.value], V::template bits_to_0x10<c.value>(bits));
  });
}

template <typename V>
struct Q5_0 : Format32<V, BlockQ5_0> {
  static constexpr DType kDType = DType::kQ5_0;
  using Spec = BlockSpec<false, 16, 31>;
  struct Scratch {
    uint16_t d[Q5_0::kCopies];
    uint32_t qh[Q5_0::kCopies];
  };
  static HEARTH_INLINE void prepare(const Rows<V::kLanes>& rows, size_t offset, size_t n, Scratch& s) {
    copy_fields<uint16_t, 0, sizeof(BlockQ5_0)>(rows, offset, n, s.d);
    copy_fields<uint32_t, 2, sizeof(BlockQ5_0)>(rows, offset, n, s.qh);
  }
  static HEARTH_INLINE void unpack(const Rows<V::kLanes>& rows, size_t offset, size_t b, const Scratch& s,
                                   Group<V>& g) {
    typename V::I packed[4];
    V::load16(rows, offset + 6, packed);
    split_nibbles<V>(packed, g.w);
    add_fifth_bits<V>(V::iload(s.qh + b * V::kLanes), g.w);
    g.scale = V::load_u16_as_f16(s.d + b * V::kLanes);
  }
};

template <typename V>
struct Q5_1 : Format32<V, BlockQ5_1> {
  static constexpr DType kDType = DType::kQ5_1;
  using Spec = BlockSpec<true, 0, 31>;
  struct Scratch {
    uint16_t d[Q5_1::kCopies], m[Q5_1::kCopies];
    uint32_t qh[Q5_1::kCopies];
  };
  static HEARTH_INLINE void prepare(const Rows<V::kLanes>& rows, size_t offset, size_t n, Scratch& s) {
    copy_fields<uint16_t, 0, sizeof(BlockQ5_1)>(rows, offset, n, s.d);
    copy_fields<uint16_t, 2, sizeof(BlockQ5_1)>(rows, offset, n, s.m);
    copy_fields<uint32_t, 4, sizeof(BlockQ5_1)>(rows, offset, n, s.qh);
  }
  static HEARTH_INLINE void unpack(const Rows<V::kLanes>& rows, size_t offset, size_t b, const Scratch& s,
                                   Group<V>& g) {
    typename V::I packed[4];
    V::load16(rows, offset + 8, packed);
    split_nibbles<V>(packed, g.w);
    add_fifth_bits<V>(V::iload(s.qh + b * V::kLanes), g.w);
    g.scale = V::load_u16_as_f16(s.d + b * V::kLanes);
    g.minimum = V::load_u16_as_f16(s.m + b * V::kLanes);
  }
};

template <typename V>
struct Q8_0 : Format32<V, BlockQ8_0> {
  static constexpr DType kDType = DType::kQ8_0;
  using Spec = BlockSpec<false, 128, 255>;
  struct Scratch {
    uint16_t d[Q8_0::kCopies];
  };
  static HEARTH_INLINE void prepare(const Rows<V::kLanes>& rows, size_t offset, size_t n, Scratch& s) {
    copy_fields<uint16_t, 0, sizeof(BlockQ8_0)>(rows, offset, n, s.d);
  }
  static HEARTH_INLINE void unpack(const Rows<V::kLanes>& rows, size_t offset, size_t b, const Scratch& s,
                                   Group<V>& g) {
    V::load16(rows, offset + 2, g.w);
    V::load16(rows, offset + 18, g.w + 4);
    for (auto& w : g.w) w = V::wide_from_signed(w);
    g.scale = V::load_u16_as_f16(s.d + b * V::kLanes);
  }
};

// Levels of IQ4: signed bytes, or with 128 added.
template <typename V>
HEARTH_INLINE void iq4_levels(typename V::I (&w)[8]) {
  for (auto& x : w) x = V::lookup(kIq4Values, V::kSignedWide ? 0 : 128, x);
}

template <typename V>
struct IQ4_NL : Format32<V, BlockIQ4_NL> {
  static constexpr DType kDType = DType::kIQ4_NL;
  using Spec = BlockSpec<false, 128, 255>;
  struct Scratch {
    uint16_t d[IQ4_NL::kCopies];
  };
  static HEARTH_INLINE void prepare(const Rows<V::kLanes>& rows, size_t offset, size_t n, Scratch& s) {
    copy_fields<uint16_t, 0, sizeof(BlockIQ4_NL)>(rows, offset, n, s.d);
  }
  static HEARTH_INLINE void unpack(const Rows<V::kLanes>& rows, size_t offset, size_t b, const Scratch& s,
                                   Group<V>& g) {
    typename V::I packed[4];
    V::load16(rows, offset + 2, packed);
    split_nibbles<V>(packed, g.w);
    iq4_levels<V>(g.w);
    g.scale = V::load_u16_as_f16(s.d + b * V::kLanes);
  }
};

template <typename V>
struct MXFP4 : Format32<V, BlockMXFP4> {
  static constexpr DType kDType = DType::kMXFP4;
  static constexpr int kZero = 12;
  using Spec = BlockSpec<false, kZero, 24>;
  struct Scratch {
    float scale[MXFP4::kCopies];
  };
  static HEARTH_INLINE void prepare(const Rows<V::kLanes>& rows, size_t offset, size_t n, Scratch& s) {
    uint8_t e[MXFP4::kCopies];
    copy_fields<uint8_t, 0, sizeof(BlockMXFP4)>(rows, offset, n, e);
    for (size_t i = 0; i < n * V::kLanes; i++) s.scale[i] = mxfp4_scale(e[i]);
  }
  static HEARTH_INLINE void unpack(const Rows<V::kLanes>& rows, size_t offset, size_t b, const Scratch& s,
                                   Group<V>& g) {
    typename V::I packed[4];
    V::load16(rows, offset + 1, packed);
    split_nibbles<V>(packed, g.w);
    for (auto& w : g.w) w = V::lookup(kMxfp4Values, kZero, w);
    g.scale = V::load(s.scale + b * V::kLanes);
  }
};

}  // namespace hearth::kernels::simd
