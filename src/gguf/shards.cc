#include "gguf/shards.h"

#include <fmt/format.h>
#include <strings.h>

#include "gguf/limits.h"

namespace hearth::gguf {
namespace {

// Takes "-NNNNN" style digits off the end of `text`: five digits behind `lead`.
std::optional<uint64_t> take_number(std::string_view& text, std::string_view lead) {
  constexpr size_t kDigits = 5;
  if (text.size() < lead.size() + kDigits) return std::nullopt;
  const std::string_view tail = text.substr(text.size() - lead.size() - kDigits);
  if (!tail.starts_with(lead)) return std::nullopt;
  uint64_t number = 0;
  for (char c : tail.substr(lead.size())) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  text.remove_suffix(tail.size());
  return number;
}

}  // namespace

std::string ShardName::file_name(uint64_t shard_number) const {
  return fmt::format("{}-{:05}-of-{:05}{}", prefix, shard_number, count, ending);
}

bool has_gguf_ending(const std::filesystem::path& path) {
  return strcasecmp(path.extension().c_str(), ".gguf") == 0;
}

std::optional<ShardName> parse_shard_name(const std::filesystem::path& path) {
  if (!has_gguf_ending(path)) return std::nullopt;
  const std::string name = path.stem().string();
  std::string_view rest = name;
  const auto count = take_number(rest, "-of-");
  if (!count) return std::nullopt;
  const auto number = take_number(rest, "-");
  if (!number || *number < 1 || *number > *count) return std::nullopt;
  return ShardName{std::string(rest), *number, *count, path.extension().string()};
}

Result<std::optional<SplitKeys>> read_split_keys(const Metadata& metadata) {
  HEARTH_TRY(const auto count, metadata.get_uint("split.count"));
  if (!count || *count <= 1) return std::nullopt;
  if (*count > kMaxShards) {
    return fail(ErrorCategory::kCorrupt, "key split.count is {}; the limit is {}", *count, kMaxShards);
  }
  HEARTH_TRY(const auto number, metadata.get_uint("split.no"));
  if (!number) return fail(ErrorCategory::kCorrupt, "key split.count without key split.no");
  if (*number >= *count)
    return fail(ErrorCategory::kCorrupt, "key split.no is {} of {} parts", *number, *count);
  HEARTH_TRY(const auto n_tensors, metadata.get_uint("split.tensors.count"));
  return SplitKeys{*number, *count, n_tensors};
}

}  // namespace hearth::gguf
