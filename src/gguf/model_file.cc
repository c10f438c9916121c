#include "gguf/model_file.h"

#include <algorithm>
#include <numeric>

#include "gguf/header.h"
#include "gguf/limits.h"
#include "gguf/printable.h"
#include "gguf/shards.h"

namespace hearth::gguf {

namespace {

struct Shard {
  MappedFile file;
  Header header;
  std::optional<SplitKeys> split;
};

}  // namespace

struct ModelFile::State {
  std::vector<MappedFile> shards;
  Metadata metadata;  // of the first shard
  std::vector<TensorInfo> tensors;
  std::vector<uint32_t> by_name;  // indices into tensors, sorted by name
  uint32_t version = 0;

  Status append(MappedFile file, Header header);
  Status index_names();

  static Result<ModelFile> of_shards(Shard opened, std::span<const std::filesystem::path> paths);
};

namespace {

Result<Shard> open_shard(const std::filesystem::path& path) {
  HEARTH_TRY(auto file, MappedFile::open(path));
  auto header = parse_header(file.bytes());
  if (file.damaged())
    return fail(ErrorCategory::kIo, "{}: the file was cut short while it was read", path.string());
  if (!header) return propagate(std::move(header).error(), path.string());
  auto split = read_split_keys(header->metadata);
  if (!split) return propagate(std::move(split).error(), path.string());
  return Shard{std::move(file), *std::move(header), *split};
}

// The shard at `path`, which must be number `number` (from 0) of the model that `first` begins.
Result<Shard> open_later_shard(const std::filesystem::path& path, uint64_t number, const SplitKeys& first) {
  auto shard = open_shard(path);
  if (!shard) {
    if (shard.error().category != ErrorCategory::kNotFound) return shard;
    return fail(ErrorCategory::kNotFound, "{}: part {} of {} of the model is missing", path.string(),
                number + 1, first.count);
  }
  const auto& keys = shard->split;
  if (!keys || keys->count != first.count || keys->number != number || keys->n_tensors != first.n_tensors) {
    const std::string found = keys ? fmt::format("part {} of {} with {} tensors in all", keys->number + 1,
                                                 keys->count, keys->n_tensors.value_or(0))
                                   : std::string("a model of its own");
    return fail(ErrorCategory::kCorrupt, "{}: is {}, not part {} of {} of this model", path.string(), found,
                number + 1, first.count);
  }
  return shard;
}

}  // namespace

Status ModelFile::State::append(MappedFile file, Header header) {
  if (tensors.size() + header.tensors.size() > kMaxTensors) {
    return fail(ErrorCategory::kCorrupt, "{}: more than {} tensors in all", file.path().string(),
                kMaxTensors);
  }
  if (shards.empty()) {
    metadata = std::move(header.metadata);
    version = header.version;
  }
  tensors.insert(tensors.end(), header.tensors.begin(), header.tensors.end());
  shards.push_back(std::move(file));
  return {};
}

Status ModelFile::State::index_names() {
  by_name.resize(tensors.size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  std::sort(by_name.begin(), by_name.end(),
            [&](uint32_t a, uint32_t b) { return tensors[a].name < tensors[b].name; });
  for (size_t i = 1; i < by_name.size(); ++i) {
    const std::string_view name = tensors[by_name[i]].name;
    if (name == tensors[by_name[i - 1]].name) {
      return fail(ErrorCategory::kCorrupt, "{}: tensor {} appears twice", shards.front().path().string(),
                  printable(name));
    }
  }
  return {};
}

Result<ModelFile> ModelFile::open(const std::filesystem::path& path) {
  HEARTH_TRY(auto opened, open_shard(path));
  if (!opened.split) return State::of_shards(std::move(opened), {&path, 1});
  const SplitKeys asked = *opened.split;
  const auto name = parse_shard_name(path);
  if (!name || name->count != asked.count || name->number != asked.number + 1) {
    return fail(ErrorCategory::kInvalidArgument,
                "{}: part {} of {} must be named PREFIX-{:05}-of-{:05}.gguf to find the other parts",
                path.string(), asked.number + 1, asked.count, asked.number + 1, asked.count);
  }
  std::vector<std::filesystem::path> paths;
  for (uint64_t number = 1; number <= asked.count; ++number) {
    paths.push_back(path.parent_path() / name->file_name(number));
  }
  return State::of_shards(std::move(opened), paths);
}

Result<ModelFile> ModelFile::open(std::span<const std::filesystem::path> shards) {
  if (shards.size() == 1) return open(shards.front());
  if (shards.empty()) return fail(ErrorCategory::kInvalidArgument, "a model without files cannot be opened");
  HEARTH_TRY(auto first, open_shard(shards.front()));
  if (!first.split || first.split->number != 0 || first.split->count != shards.size()) {
    return fail(ErrorCategory::kCorrupt, "{}: is not part 1 of {} of a model", shards.front().string(),
                shards.size());
  }
  return State::of_shards(std::move(first), shards);
}

// `opened` is any one of the shards.
Result<ModelFile> ModelFile::State::of_shards(Shard opened, std::span<const std::filesystem::path> paths) {
  auto state = std::make_unique<State>();
  const SplitKeys split = opened.split.value_or(SplitKeys{.number = 0, .count = 1, .n_tensors = {}});
  for (uint64_t number = 0; number < paths.size(); ++number) {
    HEARTH_TRY(auto shard, number == split.number ? Result<Shard>(std::move(opened))
                                                  : open_later_shard(paths[number], number, split));
    HEARTH_CHECK_OK(state->append(std::move(shard.file), std::move(shard.header)));
  }
  if (split.n_tensors && *split.n_tensors != state->tensors.size()) {
    return fail(ErrorCategory::kCorrupt, "{}: the parts hold {} tensors where split.tensors.count says {}",
                paths[split.number].string(), state->tensors.size(), *split.n_tensors);
  }
  HEARTH_CHECK_OK(state->index_names());
  return ModelFile(std::move(state));
}

ModelFile::ModelFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
ModelFile::ModelFile(ModelFile&&) noexcept = default;
ModelFile& ModelFile::operator=(ModelFile&&) noexcept = default;
ModelFile::~ModelFile() = default;

const Metadata& ModelFile::metadata() const {
  return state_->metadata;
}
std::span<const TensorInfo> ModelFile::tensors() const {
  return state_->tensors;
}
uint32_t ModelFile::version() const {
  return state_->version;
}
std::span<const MappedFile> ModelFile::shards() const {
  return state_->shards;
}

const TensorInfo* ModelFile::find_tensor(std::string_view name) const {
  const auto& order = state_->by_name;
  const auto& tensors = state_->tensors;
  const auto at = std::lower_bound(order.begin(), order.end(), name, [&](uint32_t index, std::string_view n) {
    return tensors[index].name < n;
  });
  if (at == order.end() || tensors[*at].name != name) return nullptr;
  return &tensors[*at];
}

uint64_t ModelFile::size_bytes() const {
  uint64_t sum = 0;
  for (const MappedFile& shard : state_->shards) sum += shard.bytes().size();
  return sum;
}

bool ModelFile::damaged() const {
  return std::any_of(state_->shards.begin(), state_->shards.end(),
                     [](const MappedFile& s) { return s.damaged(); });
}

std::string TensorInfo::shape_string() const {
  std::string out = std::to_string(dims[0]);
  for (uint32_t d = 1; d < n_dims; ++d) out += " x " + std::to_string(dims[d]);
  return out;
}

}  // namespace hearth::gguf
