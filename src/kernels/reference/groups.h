// One view of all quantised formats: 32 consecutive elements of a row as integers times float scales.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/dtype.h"
#include "kernels/float_bits.h"
#include "kernels/quant_blocks.h"

namespace hearth::kernels::reference {

// Element i = scale · q[i] + min_scale · minimum[i / 16]. Integer sub-scales are already in q and minimum.
struct Group {
  int32_t q[32];
  float scale = 0;
  int32_t minimum[2] = {0, 0};
  float min_scale = 0;
};

// A reader for each format: kGroups groups of 32 to a block; read(block, index of the group, out).
struct ReadQ4_0 {
  using Block = BlockQ4_0;
  static constexpr size_t kGroups = 1;
  static void read(const Block& b, size_t, Group& out) {
    for (size_t i = 0; i < 16; i++) {
      out.q[i] = (b.qs[i] & 15) - 8;
      out.q[i + 16] = (b.qs[i] >> 4) - 8;
    }
    out.scale = load_f16(b.d);
  }
};

struct ReadQ4_1 {
  using Block = BlockQ4_1;
  static constexpr size_t kGroups = 1;
  static void read(const Block& b, size_t, Group& out) {
    for (size_t i = 0; i < 16; i++) {
      out.q[i] = b.qs[i] & 15;
      out.q[i + 16] = b.qs[i] >> 4;
    }
    out.scale = load_f16(b.d);
    out.minimum[0] = out.minimum[1] = 1;
    out.min_scale = load_f16(b.m);
  }
};

inline int32_t fifth_bit(const uint8_t (&qh)[4], size_t i) {
  return (qh[i / 8] >> (i % 8)) & 1;
}

struct ReadQ5_0 {
  using Block = BlockQ5_0;
  static constexpr size_t kGroups = 1;
  static void read(const Block& b, size_t, Group& out) {
    for (size_t i = 0; i < 16; i++) {
      out.q[i] = ((b.qs[i] & 15) | fifth_bit(b.qh, i) << 4) - 16;
      out.q[i + 16] = ((b.qs[i] >> 4) | fifth_bit(b.qh, i + 16) << 4) - 16;
    }
    out.scale = load_f16(b.d);
  }
};

struct ReadQ5_1 {
  using Block = BlockQ5_1;
  static constexpr size_t kGroups = 1;
  static void read(const Block& b, size_t, Group& out) {
    for (size_t i = 0; i < 16; i++) {
      out.q[i] = (b.qs[i] & 15) | fifth_bit(b.qh, i) << 4;
      out.q[i + 16] = (b.qs[i] >> 4) | fifth_bit(b.qh, i + 16) << 4;
    }
    out.scale = load_f16(b.d);
    out.minimum[0] = out.minimum[1] = 1;
    out.min_scale = load_f16(b.m);
  }
};

struct ReadQ8_0 {
  using Block = BlockQ8_0;
  static constexpr size_t kGroups = 1;
  static void read(const Block& b, size_t, Group& out) {
    for (size_t i = 0; i < 32; i++) out.q[i] = static_cast<int8_t>(b.q[i]);
    out.scale = load_f16(b.d);
  }
};

struct ReadIQ4_NL {
  using Block = BlockIQ4_NL;
  static constexpr size_t kGroups = 1;
  static void read(const Block& b, size_t, Group& out) {
    for (size_t i = 0; i < 16; i++) {
      out.q[i] = kIq4Values[b.qs[i] & 15];
      out.q[i + 16] = kIq4Values[b.qs[i] >> 4];
    }
    out.scale = load_f16(b.d);
  }
};

struct ReadMXFP4 {
  using Block = BlockMXFP4;
  static constexpr size_t kGroups = 1;
  static void read(const Block& b, size_t, Group& out) {
    for (size_t i = 0; i < 16; i++) {
      out.q[i] = kMxfp4Values[b.qs[i] & 15];
      out.q[i + 16] = kMxfp4Values[b.qs[i] >> 4];
    }
    out.scale = mxfp4_scale(b.e);
  }
};

struct ReadQ2_K {
  using Block = BlockQ2_K;
  static constexpr size_t kGroups = 8;
  static void read(const Block& b, size_t group, Group& out) {
    const uint8_t* qs = b.qs + 32 * (group / 4);
    for (size_t i = 0; i < 32; i++) {
      const int32_t scale = b.scales[2 * group + i / 16] & 15;
      out.q[i] = scale * ((qs[i] >> (2 * (group % 4))) & 3);
    }
    out.scale = load_f16(b.d);
    out.minimum[0] = b.scales[2 * group] >> 4;
    out.minimum[1] = b.scales[2 * group + 1] >> 4;
    out.min_scale = -load_f16(b.dmin);
  }
};

struct ReadQ3_K {
  using Block = BlockQ3_K;
  static constexpr size_t kGroups = 8;
  static int32_t scale(const Block& b, size_t s) {
    const int32_t low = s < 8 ? b.scales[s] & 15 : b.scales[s - 8] >> 4;
    const int32_t high = (b.scales[8 + s % 4] >> (2 * (s / 4))) & 3;
    return (low | high << 4) - 32;
  }
  static void read(const Block& b, size_t group, Group& out) {
    const uint8_t* qs = b.qs + 32 * (group / 4);
    for (size_t i = 0; i < 32; i++) {
      const int32_t low = (qs[i] >> (2 * (group % 4))) & 3;
      const int32_t bit = (b.hmask[i] >> group) & 1;
      out.q[i] = scale(b, 2 * group + i / 16) * (low - (bit ? 0 : 4));
    }
    out.scale = load_f16(b.d);
  }
};

// Scale and minimum of run s (0-7) of a Q4_K or Q5_K block.
inline void k_scale(const uint8_t (&b)[12], size_t s, int32_t& scale, int32_t& minimum) {
  if (s < 4) {
    scale = b[s] & 63;
    minimum = b[s + 4] & 63;
  } else {
    scale = (b[s + 4] & 15) | (b[s - 4] >> 6) << 4;
    minimum = (b[s + 4] >> 4) | (b[s] >> 6) << 4;
  }
}

struct ReadQ4_K {
  using Block = BlockQ4_K;
  static constexpr size_t kGroups = 8;
  static void read(const Block& b, size_t group, Group& out) {
    int32_t scale, minimum;
    k_scale(b.scales, group, scale, minimum);
    const uint8_t* qs = b.qs + 32 * (group / 2);
    for (size_t i = 0; i < 32; i++) out.q[i] = scale * ((qs[i] >> (4 * (group % 2))) & 15);
    out.scale = load_f16(b.d);
    out.minimum[0] = out.minimum[1] = minimum;
    out.min_scale = -load_f16(b.dmin);
  }
};

struct ReadQ5_K {
  using Block = BlockQ5_K;
  static constexpr size_t kGroups = 8;
  static void read(const Block& b, size_t group, Group& out) {
    int32_t scale, minimum;
    k_scale(b.scales, group, scale, minimum);
    const uint8_t* qs = b.qs + 32 * (group / 2);
    for (size_t i = 0; i < 32; i++) {
      const int32_t low = (qs[i] >> (4 * (group % 2))) & 15;
      out.q[i] = scale * (low | ((b.qh[i] >> group) & 1) << 4);
    }
    out.scale = load_f16(b.d);
    out.minimum[0] = out.minimum[1] = minimum;
    out.min_scale = -load_f16(b.dmin);
  }
};

struct ReadQ6_K {
  using Block = BlockQ6_K;
  static constexpr size_t kGroups = 8;
  static void read(const Block& b, size_t group, Group& out) {
    const size_t run = group % 4;  // within the half
    const uint8_t* ql = b.ql + 64 * (group / 4) + 32 * (run % 2);
    const uint8_t* qh = b.qh + 32 * (group / 4);
    for (size_t i = 0; i < 32; i++) {
      const int32_t low = (ql[i] >> (4 * (run / 2))) & 15;
      const int32_t high = (qh[i] >> (2 * run)) & 3;
      out.q[i] = static_cast<int8_t>(b.scales[2 * group + i / 16]) * ((low | high << 4) - 32);
    }
    out.scale = load_f16(b.d);
  }
};

struct ReadIQ4_XS {
  using Block = BlockIQ4_XS;
  static constexpr size_t kGroups = 8;
  static void read(const Block& b, size_t group, Group& out) {
    const int32_t low = (b.scales_l[group / 2] >> (4 * (group % 2))) & 15;
    const int32_t high = (load_u16(b.scales_h) >> (2 * group)) & 3;
    const int32_t scale = (low | high << 4) - 32;
    for (size_t i = 0; i < 16; i++) {
      out.q[i] = scale * kIq4Values[b.qs[16 * group + i] & 15];
      out.q[i + 16] = scale * kIq4Values[b.qs[16 * group + i] >> 4];
    }
    out.scale = load_f16(b.d);
  }
};

// Group `index` of the row at `row`.
template <typename Reader>
void read_group(const void* row, size_t index, Group& out) {
  typename Reader::Block block;
  std::memcpy(&block, static_cast<const uint8_t*>(row) + index / Reader::kGroups * sizeof block,
              sizeof block);
  Reader::read(block, index % Reader::kGroups, out);
}

// f.template operator()<Reader>(dtype) for every quantised format.
template <typename F>
void for_each_reader(F&& f) {
  f.template operator()<ReadQ4_0>(DType::kQ4_0);
  f.template operator()<ReadQ4_1>(DType::kQ4_1);
  f.template operator()<ReadQ5_0>(DType::kQ5_0);
  f.template operator()<ReadQ5_1>(DType::kQ5_1);
  f.template operator()<ReadQ8_0>(DType::kQ8_0);
  f.template operator()<ReadIQ4_NL>(DType::kIQ4_NL);
  f.template operator()<ReadMXFP4>(DType::kMXFP4);
  f.template operator()<ReadQ2_K>(DType::kQ2_K);
  f.template operator()<ReadQ3_K>(DType::kQ3_K);
  f.template operator()<ReadQ4_K>(DType::kQ4_K);
  f.template operator()<ReadQ5_K>(DType::kQ5_K);
  f.template operator()<ReadQ6_K>(DType::kQ6_K);
  f.template operator()<ReadIQ4_XS>(DType::kIQ4_XS);
}

}  // namespace hearth::kernels::reference
