#include "convert/safetensors.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/checked.h"
#include "convert/json_file.h"
#include "gguf/limits.h"
#include "gguf/printable.h"

namespace hearth::convert {
namespace {

constexpr auto kCorrupt = ErrorCategory::kCorrupt;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kMaxDims = 8;

// Bytes of a value; nullopt for a dtype that is not known. Those below a byte are not.
std::optional<uint64_t> value_bytes(std::string_view dtype) {
  constexpr struct {
    std::string_view name;
    uint64_t bytes;
  } kKnown[] = {{"F64", 8}, {"I64", 8}, {"U64", 8},  {"F32", 4},     {"I32", 4},
                {"U32", 4}, {"F16", 2}, {"BF16", 2}, {"I16", 2},     {"U16", 2},
                {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (const auto& known : kKnown) {
    if (known.name == dtype) return known.bytes;
  }
  return std::nullopt;
}

struct Placed {
  SafeTensor tensor;
  uint64_t begin, end;
};

Result<Placed> read_entry(const std::string& name, const Json& entry, std::span<const std::byte> data) {
  const auto bad = [&name](std::string_view what) {
    return fail(kCorrupt, "tensor {}: {}", gguf::printable(name), what);
  };
  const Json* dtype = find_member(entry, "dtype");
  const Json* shape = find_member(entry, "shape");
  const Json* offsets = find_member(entry, "data_offsets");
  if (dtype == nullptr || !dtype->is_string()) return bad("no dtype");
  if (shape == nullptr || !shape->is_array() || shape->size() > kMaxDims) return bad("no shape");
  if (offsets == nullptr || !offsets->is_array() || offsets->size() != 2 ||
      !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    return bad("no data_offsets");
  }
  Placed placed{{name, dtype->get<std::string>(), {}, {}},
                (*offsets)[0].get<uint64_t>(),
                (*offsets)[1].get<uint64_t>()};
  std::optional<uint64_t> bytes = value_bytes(placed.tensor.dtype);
  if (!bytes) {
    return fail(ErrorCategory::kUnsupported, "tensor {}: the dtype {} is not known", gguf::printable(name),
                gguf::printable(placed.tensor.dtype));
  }
  for (const Json& n : *shape) {
    if (!n.is_number_unsigned()) return bad("a dimension is no number");
    placed.tensor.shape.push_back(n.get<uint64_t>());
    bytes = checked_mul(*bytes, placed.tensor.shape.back());
    if (!bytes) return bad("the shape is too large");
  }
  if (placed.begin > placed.end || placed.end > data.size()) return bad("outside of the file");
  if (placed.end - placed.begin != *bytes) return bad("the size does not fit the shape");
  placed.tensor.bytes = data.subspan(placed.begin, *bytes);
  return placed;
}

}  // namespace

Result<std::vector<SafeTensor>> parse_safetensors(std::span<const std::byte> file) {
  uint64_t header_bytes = 0;
  if (file.size() < sizeof header_bytes)
    return fail(kCorrupt, "this is no safetensors file: it is too short");
  std::memcpy(&header_bytes, file.data(), sizeof header_bytes);
  const auto rest = file.subspan(sizeof header_bytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > rest.size()) {
    return fail(kCorrupt, "this is no safetensors file, or it is cut short: a header of {} bytes",
                header_bytes);
  }
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), header_bytes);
  if (!text.starts_with('{')) return fail(kCorrupt, "this is no safetensors file: the header is no object");
  HEARTH_TRY(const Json header, parse_json(text));
  if (header.size() > gguf::kMaxTensors) return fail(kCorrupt, "{} tensors are too many", header.size());
  const auto data = rest.subspan(header_bytes);
  std::vector<Placed> placed;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    HEARTH_TRY(Placed next, read_entry(name, entry, data));
    placed.push_back(std::move(next));
  }
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t at = 0;
  std::vector<SafeTensor> tensors;
  for (Placed& next : placed) {
    if (next.begin != at) {
      return fail(kCorrupt, "tensor {}: it begins at {} where {} was expected",
                  gguf::printable(next.tensor.name), next.begin, at);
    }
    at = next.end;
    tensors.push_back(std::move(next.tensor));
  }
  if (at != data.size()) return fail(kCorrupt, "{} bytes behind the last tensor", data.size() - at);
  return tensors;
}

}  // namespace hearth::convert
