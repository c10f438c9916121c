#include "gguf/header.h"

#include <algorithm>
#include <numeric>

#include "base/checked.h"
#include "gguf/byte_reader.h"
#include "gguf/limits.h"
#include "gguf/printable.h"
#include "gguf/type_names.h"

namespace hearth::gguf {
namespace {

constexpr auto kCorrupt = ErrorCategory::kCorrupt;
constexpr std::string_view kCutShort = "its download is probably incomplete: fetch it again";

// The smallest run of bytes that can hold one entry: an early answer to absurd counts.
constexpr uint64_t kMinMetadataBytes = 8 + 1 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

// The bytes of a value of fixed size; 0 for strings, arrays and ids that do not exist.
uint64_t fixed_size(ValueType type) {
  switch (type) {
    case ValueType::kUint8:
    case ValueType::kInt8:
    case ValueType::kBool:
      return 1;
    case ValueType::kUint16:
    case ValueType::kInt16:
      return 2;
    case ValueType::kUint32:
    case ValueType::kInt32:
    case ValueType::kFloat32:
      return 4;
    case ValueType::kUint64:
    case ValueType::kInt64:
    case ValueType::kFloat64:
      return 8;
    case ValueType::kString:
    case ValueType::kArray:
      return 0;
  }
  return 0;
}

bool exists(ValueType type) {
  return fixed_size(type) > 0 || type == ValueType::kString || type == ValueType::kArray;
}

bool is_chat_template(std::string_view key) {
  return key == "tokenizer.chat_template" || key.starts_with("tokenizer.chat_template.");
}

tl::unexpected<Error> ends_inside(std::string_view what) {
  return fail(kCorrupt, "the file ends inside {}; {}", what, kCutShort);
}

}  // namespace

struct Parser {
  explicit Parser(std::span<const std::byte> bytes) : file(bytes), reader(bytes) {}

  std::span<const std::byte> file;
  ByteReader reader;
  Header header;

  Status preamble(uint64_t& n_tensors, uint64_t& n_entries);
  Status metadata(uint64_t n_entries);
  Status alignment();
  Status tensors(uint64_t n_tensors);
  Status no_overlap() const;

  Result<std::string_view> string(std::string_view what, uint64_t limit);
  Result<Value> value(ValueType type, std::string_view key);
  Result<Array> array(std::string_view key);
  Result<TensorInfo> tensor(uint64_t index, uint64_t& offset);
};

Status Parser::preamble(uint64_t& n_tensors, uint64_t& n_entries) {
  std::span<const std::byte> magic;
  if (!reader.read(4, magic)) return fail(kCorrupt, "not a GGUF file: only {} bytes long", file.size());
  if (as_text(magic) != "GGUF") {
    constexpr std::string_view kPointer = "version https://git-lfs";
    if (as_text(file.first(std::min(file.size(), kPointer.size()))) == kPointer) {
      return fail(kCorrupt, "a Git LFS pointer, not the model itself");
    }
    return fail(kCorrupt, "not a GGUF file: it begins with \"{}\"", printable(as_text(magic)));
  }
  if (!reader.read(header.version)) return ends_inside("the version");
  if (header.version != 0 && (header.version & 0xffff) == 0) {
    return fail(ErrorCategory::kUnsupported, "a big-endian GGUF file");
  }
  if (header.version != 2 && header.version != 3) {
    return fail(ErrorCategory::kUnsupported, "GGUF version {}; versions 2 and 3 are supported",
                header.version);
  }
  if (!reader.read(n_tensors) || !reader.read(n_entries)) return ends_inside("the counts");
  if (n_tensors > kMaxTensors) return fail(kCorrupt, "{} tensors; the limit is {}", n_tensors, kMaxTensors);
  if (n_entries > kMaxMetadataEntries) {
    return fail(kCorrupt, "{} metadata entries; the limit is {}", n_entries, kMaxMetadataEntries);
  }
  if (n_entries * kMinMetadataBytes + n_tensors * kMinTensorBytes > reader.left()) {
    return fail(kCorrupt, "{} metadata entries and {} tensors do not fit into the {} bytes of the file",
                n_entries, n_tensors, file.size());
  }
  return {};
}

Result<std::string_view> Parser::string(std::string_view what, uint64_t limit) {
  uint64_t length = 0;
  if (!reader.read(length)) return ends_inside(what);
  if (length > reader.left()) {
    return fail(kCorrupt, "{} claims {} bytes where {} are left; {}", what, length, reader.left(), kCutShort);
  }
  if (length > limit) return fail(kCorrupt, "{} is {} bytes long; the limit is {}", what, length, limit);
  std::span<const std::byte> run;
  reader.read(length, run);
  return as_text(run);
}

Result<Array> Parser::array(std::string_view key) {
  uint32_t type_id = 0;
  Array array = {};
  if (!reader.read(type_id) || !reader.read(array.count)) return ends_inside("the array's type and count");
  array.element_type = static_cast<ValueType>(type_id);
  if (array.element_type == ValueType::kArray) return fail(kCorrupt, "an array of arrays");
  if (!exists(array.element_type)) return fail(kCorrupt, "an array of unknown type {}", type_id);
  if (array.count > kMaxArrayItems)
    return fail(kCorrupt, "{} items; the limit is {}", array.count, kMaxArrayItems);

  const bool strings = array.element_type == ValueType::kString;
  const uint64_t item_bytes = strings ? sizeof(uint64_t) : fixed_size(array.element_type);
  if (array.count * item_bytes > reader.left()) {
    return fail(kCorrupt, "{} items do not fit into the {} bytes left; {}", array.count, reader.left(),
                kCutShort);
  }
  const uint64_t begin = reader.position();
  if (!strings) {
    reader.read(array.count * item_bytes, array.bytes);
    if (array.element_type == ValueType::kBool) {
      for (std::byte item : array.bytes) {
        if (std::to_integer<int>(item) > 1) return fail(kCorrupt, "a bool that is neither 0 nor 1");
      }
    }
    return array;
  }
  const uint64_t limit = is_chat_template(key) ? kMaxChatTemplateBytes : kMaxStringBytes;
  array.strings.reserve(array.count);
  for (uint64_t i = 0; i < array.count; ++i) {
    auto item = string("a string", limit);
    if (!item) return propagate(std::move(item).error(), fmt::format("item {}", i));
    array.strings.push_back(*item);
  }
  array.bytes = file.subspan(begin, reader.position() - begin);
  return array;
}

Result<Value> Parser::value(ValueType type, std::string_view key) {
  const auto number = [&]<typename Stored, typename Widened>(Stored stored, Widened) -> Result<Value> {
    if (!reader.read(stored)) return ends_inside("the value");
    return Value(static_cast<Widened>(stored));
  };
  switch (type) {
    case ValueType::kUint8:
      return number(uint8_t{}, uint64_t{});
    case ValueType::kInt8:
      return number(int8_t{}, int64_t{});
    case ValueType::kUint16:
      return number(uint16_t{}, uint64_t{});
    case ValueType::kInt16:
      return number(int16_t{}, int64_t{});
    case ValueType::kUint32:
      return number(uint32_t{}, uint64_t{});
    case ValueType::kInt32:
      return number(int32_t{}, int64_t{});
    case ValueType::kFloat32:
      return number(float{}, double{});
    case ValueType::kUint64:
      return number(uint64_t{}, uint64_t{});
    case ValueType::kInt64:
      return number(int64_t{}, int64_t{});
    case ValueType::kFloat64:
      return number(double{}, double{});
    case ValueType::kBool: {
      uint8_t stored = 0;
      if (!reader.read(stored)) return ends_inside("the value");
      if (stored > 1) return fail(kCorrupt, "a bool that is neither 0 nor 1");
      return Value(stored == 1);
    }
    case ValueType::kString: {
      HEARTH_TRY(const auto text,
                 string("the value", is_chat_template(key) ? kMaxChatTemplateBytes : kMaxStringBytes));
      return Value(text);
    }
    case ValueType::kArray: {
      HEARTH_TRY(auto items, array(key));
      return Value(std::move(items));
    }
  }
  return fail(kCorrupt, "a value of unknown type {}", static_cast<uint32_t>(type));
}

Status Parser::metadata(uint64_t n_entries) {
  auto& entries = header.metadata.entries_;
  entries.reserve(n_entries);
  for (uint64_t i = 0; i < n_entries; ++i) {
    auto key = string("the key", kMaxKeyBytes);
    if (!key) return propagate(std::move(key).error(), fmt::format("metadata entry {}", i));
    if (key->empty()) return fail(kCorrupt, "metadata entry {} has no name", i);
    uint32_t type_id = 0;
    if (!reader.read(type_id)) return ends_inside(fmt::format("key {}", printable(*key)));
    const auto type = static_cast<ValueType>(type_id);
    auto parsed = value(type, *key);
    if (!parsed) return propagate(std::move(parsed).error(), fmt::format("key {}", printable(*key)));
    entries.push_back({*key, type, *std::move(parsed)});
  }
  auto& by_key = header.metadata.by_key_;
  by_key.resize(entries.size());
  std::iota(by_key.begin(), by_key.end(), 0u);
  std::sort(by_key.begin(), by_key.end(),
            [&](uint32_t a, uint32_t b) { return entries[a].key < entries[b].key; });
  for (size_t i = 1; i < by_key.size(); ++i) {
    const std::string_view key = entries[by_key[i]].key;
    if (key == entries[by_key[i - 1]].key) return fail(kCorrupt, "key {} appears twice", printable(key));
  }
  return {};
}

Status Parser::alignment() {
  header.alignment = kDefaultAlignment;
  const MetadataEntry* entry = header.metadata.find("general.alignment");
  if (entry == nullptr) return {};
  if (entry->type != ValueType::kUint32) {
    return fail(kCorrupt, "key general.alignment is of type {} where uint32 is needed",
                value_type_name(entry->type));
  }
  header.alignment = std::get<uint64_t>(entry->value);
  if (header.alignment < kMinAlignment || header.alignment > kMaxAlignment ||
      !std::has_single_bit(header.alignment)) {
    return fail(kCorrupt, "key general.alignment is {}; it must be a power of two from {} to {}",
                header.alignment, kMinAlignment, kMaxAlignment);
  }
  return {};
}

// Everything but the offset, which has a meaning only when the header's end is known. Leaves in `bytes` a
// span of the right size and no address.
Result<TensorInfo> Parser::tensor(uint64_t index, uint64_t& offset) {
  auto name = string("the name", kMaxKeyBytes);
  if (!name) return propagate(std::move(name).error(), fmt::format("tensor number {}", index));
  if (name->empty()) return fail(kCorrupt, "tensor number {} has no name", index);
  const auto at_fault = [&] { return fmt::format("tensor {}", printable(*name)); };

  TensorInfo info = {.name = *name, .dtype = {}, .n_dims = 0, .dims = {1, 1, 1, 1}, .bytes = {}};
  if (!reader.read(info.n_dims)) return ends_inside(at_fault());
  if (info.n_dims < 1 || info.n_dims > kMaxDims) {
    return fail(kCorrupt, "{}: {} dimensions; 1 to {} are possible", at_fault(), info.n_dims, kMaxDims);
  }
  std::optional<uint64_t> rows = 1;
  for (uint32_t d = 0; d < info.n_dims; ++d) {
    if (!reader.read(info.dims[d])) return ends_inside(at_fault());
    if (info.dims[d] == 0) return fail(kCorrupt, "{}: dimension {} is 0", at_fault(), d);
    if (d > 0 && rows) rows = checked_mul(*rows, info.dims[d]);
  }
  uint32_t type_id = 0;
  if (!reader.read(type_id) || !reader.read(offset)) return ends_inside(at_fault());
  const kernels::DTypeTraits* traits = kernels::find_dtype(type_id);
  if (traits == nullptr) {
    return fail(ErrorCategory::kUnsupported, "{}: type {} is not supported", at_fault(),
                tensor_type_name(type_id));
  }
  info.dtype = traits->dtype;
  if (info.dims[0] % traits->block_size != 0) {
    return fail(kCorrupt, "{}: rows of {} values are not whole blocks of {} ({})", at_fault(), info.dims[0],
                traits->block_size, traits->name);
  }
  const auto per_row = checked_mul(info.dims[0] / traits->block_size, traits->block_bytes);
  const auto size = per_row && rows ? checked_mul(*per_row, *rows) : std::nullopt;
  const auto elements = rows ? checked_mul(info.dims[0], *rows) : std::nullopt;
  if (!size || !elements || *size > file.size()) {
    return fail(kCorrupt, "{}: {} of {} is more than the file holds; {}", at_fault(), info.shape_string(),
                traits->name, kCutShort);
  }
  info.bytes = file.first(*size);
  return info;
}

Status Parser::tensors(uint64_t n_tensors) {
  std::vector<uint64_t> offsets(n_tensors);
  header.tensors.reserve(n_tensors);
  for (uint64_t i = 0; i < n_tensors; ++i) {
    HEARTH_TRY(auto info, tensor(i, offsets[i]));
    header.tensors.push_back(info);
  }
  header.data_offset = align_up(reader.position(), header.alignment);
  for (uint64_t i = 0; i < n_tensors; ++i) {
    TensorInfo& info = header.tensors[i];
    if (offsets[i] % header.alignment != 0) {
      return fail(kCorrupt, "tensor {}: offset {} is not a multiple of {}", printable(info.name), offsets[i],
                  header.alignment);
    }
    const auto begin = checked_add(header.data_offset, offsets[i]);
    const auto end = begin ? checked_add(*begin, info.bytes.size()) : std::nullopt;
    if (!end || *end > file.size()) {
      return fail(kCorrupt,
                  "tensor {}: its {} bytes at offset {} reach past the end of the file ({} bytes); {}",
                  printable(info.name), info.bytes.size(), offsets[i], file.size(), kCutShort);
    }
    info.bytes = file.subspan(*begin, info.bytes.size());
  }
  return no_overlap();
}

Status Parser::no_overlap() const {
  std::vector<const TensorInfo*> by_address;
  by_address.reserve(header.tensors.size());
  for (const TensorInfo& info : header.tensors) by_address.push_back(&info);
  std::sort(by_address.begin(), by_address.end(),
            [](const TensorInfo* a, const TensorInfo* b) { return a->bytes.data() < b->bytes.data(); });
  for (size_t i = 1; i < by_address.size(); ++i) {
    const TensorInfo& before = *by_address[i - 1];
    if (before.bytes.data() + before.bytes.size() > by_address[i]->bytes.data()) {
      return fail(kCorrupt, "tensors {} and {} overlap", printable(before.name),
                  printable(by_address[i]->name));
    }
  }
  return {};
}

Result<Header> parse_header(std::span<const std::byte> file) {
  Parser parser(file);
  uint64_t n_tensors = 0;
  uint64_t n_entries = 0;
  HEARTH_CHECK_OK(parser.preamble(n_tensors, n_entries));
  HEARTH_CHECK_OK(parser.metadata(n_entries));
  HEARTH_CHECK_OK(parser.alignment());
  HEARTH_CHECK_OK(parser.tensors(n_tensors));
  return std::move(parser.header);
}

}  // namespace hearth::gguf
