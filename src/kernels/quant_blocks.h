// The bytes of one block of each quantised format, little-endian, as GGUF stores them. `h` is an IEEE half.
// All members are byte arrays: blocks begin at odd addresses, and are read with memcpy-like loads only.
//
// Blocks of 32. In the 4-bit ones byte j holds element j in its low and element j+16 in its high nibble.
//
//   Q4_0   | d:h | qs[16] |                   d · (q - 8)
//   Q4_1   | d:h | m:h | qs[16] |             d · q + m
//   Q5_0   | d:h | qh[4] | qs[16] |           d · ((q | b<<4) - 16), b = bit j of qh for element j
//   Q5_1   | d:h | m:h | qh[4] | qs[16] |     d · (q | b<<4) + m
//   Q8_0   | d:h | q:i8[32] |                 d · q
//   IQ4_NL | d:h | qs[16] |                   d · kIq4Values[q]
//   MXFP4  | e   | qs[16] |                   2^(e-128) · kMxfp4Values[q]
//
// Blocks of 256, "sub-blocks" are its runs of 16 or 32 elements.
//
//   Q2_K   | scales[16] | qs[64] | d:h | dmin:h |
//     scales[s], s = element/16: low nibble scale, high nibble minimum.  d · scale · q - dmin · minimum
//     qs: two halves of 128 elements, 32 bytes each; run k (of 32) of a half sits in bits 2k, 2k+1.
//   Q3_K   | hmask[32] | qs[64] | scales[12] | d:h |
//     qs as Q2_K; hmask[l] bit k belongs to element l of run k (0-7).  d · (scale - 32) · (q - (bit ? 0 : 4))
//     scales: sixteen 6-bit numbers. Low nibbles: s0-7 in the low, s8-15 in the high nibbles of bytes 0-7;
//     high pairs: byte 8 + s%4, bits 2·(s/4), 2·(s/4)+1.
//   Q4_K   | d:h | dmin:h | scales[12] | qs[128] |            d · scale · q - dmin · minimum
//   Q5_K   | d:h | dmin:h | scales[12] | qh[32] | qs[128] |   the same with q | b<<4
//     qs: four chunks of 32 bytes; chunk c: low nibbles run 2c, high nibbles run 2c+1 (runs of 32).
//     qh[l] bit r: fifth bit of element l of run r.
//     scales, b = the 12 bytes:  s<4: scale b[s]&63,                            minimum b[s+4]&63
//                                s>3: scale (b[s+4]&15) | (b[s-4]>>6)<<4,       minimum (b[s+4]>>4) |
//                                (b[s]>>6)<<4
//   Q6_K   | ql[128] | qh[64] | scales:i8[16] | d:h |         d · scale · (q - 32), scale of element/16
//     two halves of 128 elements (ql 64 bytes, qh 32 bytes each); elements l, l+32, l+64, l+96 take their low
//     nibbles from ql[l]&15, ql[l+32]&15, ql[l]>>4, ql[l+32]>>4, their high pairs from qh[l] bits 0, 2, 4, 6.
//   IQ4_XS | d:h | scales_h[2] | scales_l[4] | qs[128] |      d · (scale - 32) · kIq4Values[q]
//     run r of 32 elements: 16 bytes of qs, split as in the blocks of 32; its 6-bit scale: low nibble from
//     scales_l (nibble r), high pair from scales_h (bits 2r, 2r+1).
#pragma once

#include <cstdint>

namespace hearth::kernels {

struct BlockQ4_0 {
  uint8_t d[2], qs[16];
};
struct BlockQ4_1 {
  uint8_t d[2], m[2], qs[16];
};
struct BlockQ5_0 {
  uint8_t d[2], qh[4], qs[16];
};
struct BlockQ5_1 {
  uint8_t d[2], m[2], qh[4], qs[16];
};
struct BlockQ8_0 {
  uint8_t d[2], q[32];
};
struct BlockIQ4_NL {
  uint8_t d[2], qs[16];
};
struct BlockMXFP4 {
  uint8_t e, qs[16];
};
struct BlockQ2_K {
  uint8_t scales[16], qs[64], d[2], dmin[2];
};
struct BlockQ3_K {
  uint8_t hmask[32], qs[64], scales[12], d[2];
};
struct BlockQ4_K {
  uint8_t d[2], dmin[2], scales[12], qs[128];
};
struct BlockQ5_K {
  uint8_t d[2], dmin[2], scales[12], qh[32], qs[128];
};
struct BlockQ6_K {
  uint8_t ql[128], qh[64], scales[16], d[2];
};
struct BlockIQ4_XS {
  uint8_t d[2], scales_h[2], scales_l[4], qs[128];
};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22);
static_assert(sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34 && sizeof(BlockIQ4_NL) == 18);
static_assert(sizeof(BlockMXFP4) == 17 && sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110);
static_assert(sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210);
static_assert(sizeof(BlockIQ4_XS) == 136);

// The non-linear 4-bit levels of IQ4_NL and IQ4_XS.
inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};
// E2M1 levels times two, so that they are integers; the block scale 2^(e-128) is half of the format's
// 2^(e-127).
inline constexpr int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace hearth::kernels
