// The whole surface between the engine and the processor: one table of pure functions per instruction set.
//
// Kernels know pointers and lengths. They start no threads, open no files, allocate nothing and cannot fail:
// whoever calls them has checked the shapes. `reference` defines what is right; every other table inherits it
// and replaces what it can do faster. A table is chosen once at start-up and handed down.
//
// Letters: n_out rows of a weight matrix, n_in its columns, n_tokens rows of activations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/dtype.h"

namespace hearth::kernels {

// Activations are quantised to int8 for a product, one scale to a group of columns: 32 beside the formats with
// blocks of 32, 128 beside those with blocks of 256. There half a block of a row is one integer sum, which no
// order of additions changes, and costs a tenth less arithmetic than a float sum per 32. Whole blocks would save
// another twenty-fifth, but their rounding error is a quarter larger and loses accuracy to other engines in
// `tests/parity/`. Scales are stored for each 32 columns in either case.
inline constexpr size_t kActivationGroup = 32;
inline constexpr size_t kWideActivationGroup = 128;

// A group whose largest magnitude is below this is stored as zeros (its inverse would overflow).
inline constexpr float kSmallestActivation = 1e-30f;

// Rows of int8 activations. Row t: values q[t*n_in …], scales scale[t*n_in/32 …] (four equal ones for a group
// of 128), sums sum[t*n_in/16 …].
// value[i] ≈ scale[i/32] * q[i], |q| <= 127; sum[j] = Σ q over the j-th run of 16 (serves formats with
// minima, offsets and scales per 16 or 32).
struct QuantizedRows {
  int8_t* q;
  float* scale;
  int16_t* sum;
};

// out[t*out_stride + r] = Σ_i weight[r][i] · x[t][i] for r in [0, n_out), t in [0, n_tokens).
// x is read as `x_f32` (row stride n_in) or `x_q8`, whichever MatmulKernel::activation_group says.
struct MatmulArgs {
  const void* weight;       // first row
  size_t weight_row_bytes;  // distance between rows
  size_t n_out;
  size_t n_in;  // a multiple of the format's block size
  const float* x_f32;
  QuantizedRows x_q8;
  size_t n_tokens;
  float* out;
  size_t out_stride;  // floats between two tokens' outputs
};

struct MatmulKernel {
  void (*run)(const MatmulArgs&) = nullptr;
  // Columns that share a scale in the activations it reads: 32 or 128. 0: it reads float32 (F32, F16, BF16).
  size_t activation_group = 0;
};

// Stored keys and values lie in blocks of kAttendBlock positions. Every row's softmax is taken over spans of
// kAttendSpan positions, which then merge in rising order: whoever computes spans apart and merges them the
// same way gets the same bits.
inline constexpr size_t kAttendBlock = 64;
inline constexpr size_t kAttendSpan = 256;

// One block of one KV head: [kAttendBlock, head_dim] and [kAttendBlock, value_dim], rows packed. A block that
// no row sees is not touched; in the others, positions that no row sees may hold anything.
struct AttendBlock {
  const void* keys;
  const void* values;
};

// An online softmax per query row (arXiv:2205.14135): running maximum, sum, and output not yet divided by it.
// Start: m = -inf, s = 0, o = 0. End: the caller divides o by s.
struct AttendState {
  float* m;  // [n_rows]
  float* s;  // [n_rows]
  float* o;  // [n_rows, value_dim]
};

// Attention of n_rows query rows over a run of stored positions of one KV head, merged into `state`. Row r
// sees positions [first_visible[r], end_visible[r]) of the run; the range may be empty, and those that are
// not must leave no gap between them.
struct AttendArgs {
  const float* q;  // [n_rows, head_dim], row stride q_stride
  size_t q_stride;
  size_t n_rows;
  size_t head_dim;            // of keys and queries
  size_t value_dim;           // of values and output
  DType dtype;                // F32, F16 or Q8_0 (blocks of 32 along the head)
  const AttendBlock* blocks;  // of the whole run, which begins where a span begins
  const int32_t* first_visible;
  const int32_t* end_visible;
  float scale;    // scores = scale · q·k
  float softcap;  // > 0: scores = softcap · tanh(scores / softcap)
  AttendState state;
  std::byte* scratch;  // attend_scratch_bytes(n_rows, head_dim), aligned to 64 bytes
};

// Room for the packed queries, a packed strip of keys or values, the scores of a span and two factors a row.
constexpr size_t attend_scratch_bytes(size_t n_rows, size_t head_dim) {
  const size_t dim = (head_dim + 31) / 32 * 32;
  const size_t strip = kAttendBlock * dim < kAttendSpan * 64 ? kAttendSpan * 64 : kAttendBlock * dim;
  return sizeof(float) * (n_rows * (dim + kAttendSpan + 2) + strip);
}

// Rotary embedding (arXiv:2104.09864) of n_heads heads that share a position. Pairs are (i, i + n_pairs')
// with n_pairs' = head_dim/2 when `interleaved` is false (NEOX), (2i, 2i+1) when true. cos/sin: [n_pairs];
// pairs from n_pairs on stay as they are.
struct RopeArgs {
  float* x;  // [n_heads, head_dim] packed
  size_t n_heads;
  size_t head_dim;
  size_t n_pairs;
  bool interleaved;
  const float* cos;
  const float* sin;
};

struct KernelTable {
  std::string_view name;  // "reference", "avx2", "avx512", "avx512_bf16", "neon"

  // Indexed by DType id; entries of unsupported ids are empty.
  MatmulKernel matmul[kDTypeIds];
  void (*dequantize_row[kDTypeIds])(const void* src, float* dst, size_t n);

  // x: [n] -> the row that begins at out's pointers; group: 32 or 128, n a multiple of it.
  void (*quantize_activations)(const float* x, size_t n, size_t group, const QuantizedRows& out);

  // float32 -> the formats a KV cache stores (F32, F16, Q8_0); n a multiple of the block size.
  void (*store_row)(const float* x, size_t n, DType dtype, void* out);

  // out = x / sqrt(mean(x²) + eps) · weight; weight may be null (all ones). out may be x. (arXiv:1910.07467)
  void (*rms_norm)(const float* x, const float* weight, size_t n, float eps, float* out);
  // out = (x - mean) / sqrt(var + eps) · weight + bias; bias may be null. out may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, size_t n, float eps, float* out);

  void (*rope)(const RopeArgs&);
  void (*attend)(const AttendArgs&);
  // Adds what n_rows rows saw elsewhere to `into`, as attend does span by span. Their sums and outputs must
  // be those of one span for the bits to be the same.
  void (*merge_attention)(const AttendState& part, size_t n_rows, size_t value_dim, const AttendState& into);

  // Gated activations: out[i] = act(gate[i]) · up[i]; out may be gate. And the plain one in place.
  void (*silu_mul)(const float* gate, const float* up, size_t n, float* out);
  void (*gelu_tanh_mul)(const float* gate, const float* up, size_t n, float* out);
  void (*gelu_tanh)(float* x, size_t n);

  void (*add)(const float* x, size_t n, float* out);                      // out += x
  void (*scaled_add)(const float* x, float scale, size_t n, float* out);  // out += scale · x
  void (*multiply)(float* x, float factor, size_t n);                     // x *= factor
  void (*softmax)(float* x, size_t n);                                    // in place, max-subtracted
  void (*softcap)(float* x, float cap, size_t n);                         // x = cap · tanh(x / cap)
  // out = exp((x - max) · scale), for max >= x: a sampler's weights. 0 for NaN and where float32 has no room.
  void (*exp_below)(const float* x, size_t n, float max, float scale, float* out);
};

// Tables this processor can run, best first; `reference` is always the last.
std::span<const KernelTable* const> available_kernels();
// nullptr when there is no such table or the processor cannot run it.
const KernelTable* find_kernels(std::string_view name);

}  // namespace hearth::kernels
