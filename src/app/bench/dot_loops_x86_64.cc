#include <immintrin.h>

#include "app/bench/dot_loops.h"

namespace hearth::app {
namespace {

// Each loop runs several independent chains of additions, enough to hide the latency of one and few enough
// for the registers. One statement for all of them: a compiler stores the elements of an array after each.

__attribute__((target("avx512f,avx512vnni"))) uint64_t vpdpbusd(size_t n_steps) {
  __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a, k = a,
          l = a;
  const __m512i w = _mm512_set1_epi8(3), x = _mm512_set1_epi8(5);
  for (size_t step = 0; step < n_steps; step += 12) {
    __asm__ volatile(
        "vpdpbusd %[x], %[w], %0\n\t"
        "vpdpbusd %[x], %[w], %1\n\t"
        "vpdpbusd %[x], %[w], %2\n\t"
        "vpdpbusd %[x], %[w], %3\n\t"
        "vpdpbusd %[x], %[w], %4\n\t"
        "vpdpbusd %[x], %[w], %5\n\t"
        "vpdpbusd %[x], %[w], %6\n\t"
        "vpdpbusd %[x], %[w], %7\n\t"
        "vpdpbusd %[x], %[w], %8\n\t"
        "vpdpbusd %[x], %[w], %9\n\t"
        "vpdpbusd %[x], %[w], %10\n\t"
        "vpdpbusd %[x], %[w], %11\n\t"
        : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k),
          "+v"(l)
        : [w] "v"(w), [x] "v"(x));
  }
  for (const __m512i& other : {b, c, d, e, f, g, h, i, j, k, l}) a = _mm512_add_epi32(a, other);
  uint64_t lanes[8];
  _mm512_storeu_si512(lanes, a);
  return lanes[0];
}

// Without a dot product into 32 bits a step is two multiplications and an addition.
__attribute__((target("avx2"))) uint64_t maddubs(size_t n_steps) {
  __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a, e = a, f = a;
  __m256i p, q, r;
  const __m256i w = _mm256_set1_epi8(3), x = _mm256_set1_epi8(5), ones = _mm256_set1_epi16(1);
  for (size_t step = 0; step < n_steps; step += 6) {
    __asm__ volatile(
        "vpmaddubsw %[x], %[w], %[p]\n\t"
        "vpmaddubsw %[x], %[w], %[q]\n\t"
        "vpmaddubsw %[x], %[w], %[r]\n\t"
        "vpmaddwd %[ones], %[p], %[p]\n\t"
        "vpmaddwd %[ones], %[q], %[q]\n\t"
        "vpmaddwd %[ones], %[r], %[r]\n\t"
        "vpaddd %[p], %0, %0\n\t"
        "vpaddd %[q], %1, %1\n\t"
        "vpaddd %[r], %2, %2\n\t"
        "vpmaddubsw %[x], %[w], %[p]\n\t"
        "vpmaddubsw %[x], %[w], %[q]\n\t"
        "vpmaddubsw %[x], %[w], %[r]\n\t"
        "vpmaddwd %[ones], %[p], %[p]\n\t"
        "vpmaddwd %[ones], %[q], %[q]\n\t"
        "vpmaddwd %[ones], %[r], %[r]\n\t"
        "vpaddd %[p], %3, %3\n\t"
        "vpaddd %[q], %4, %4\n\t"
        "vpaddd %[r], %5, %5\n\t"
        : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f), [p] "=&x"(p), [q] "=&x"(q), [r] "=&x"(r)
        : [w] "x"(w), [x] "x"(x), [ones] "x"(ones));
  }
  for (const __m256i& other : {b, c, d, e, f}) a = _mm256_add_epi32(a, other);
  return static_cast<uint64_t>(_mm256_extract_epi64(a, 0));
}

constexpr DotLoop kLoops[] = {{"avx512_bf16", 64, vpdpbusd}, {"avx512", 64, vpdpbusd}, {"avx2", 32, maddubs}};

}  // namespace

std::span<const DotLoop> dot_loops() {
  return kLoops;
}

}  // namespace hearth::app
