#include "synth/synthetic_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/checked.h"
#include "base/thread_pool.h"
#include "gguf/model_file.h"
#include "gguf/output_file.h"
#include "gguf/writer.h"
#include "synth/block_generator.h"
#include "synth/hyperparameters.h"
#include "catalogue/model_spec.h"
#include "catalogue/tensor_list.h"
#include "catalogue/tensor_types.h"
#include "synth/vocabulary.h"

namespace hearth::synth {

using namespace catalogue;
namespace {

constexpr auto kInvalid = ErrorCategory::kInvalidArgument;

// A chunk is what one random stream makes; a batch is what is made before it is written.
constexpr uint64_t kChunkBytes = 64 << 10;
constexpr uint64_t kBatchBytes = 16 << 20;

// Everything but the weights.
struct Plan {
  ModelSpec spec;
  std::vector<ModelTensor> tensors;
  std::vector<kernels::DType> types;
  gguf::GgufWriter writer;
};

Result<ModelSpec> resolve_spec(const SynthOptions& options) {
  const ModelSpec* found = find_model_spec(options.spec);
  if (found == nullptr) {
    return fail(kInvalid, "model {} is unknown; there are {}", options.spec,
                fmt::join(model_spec_names(), ", "));
  }
  ModelSpec spec = *found;
  if (options.n_layers) {
    if (*options.n_layers < 1 || *options.n_layers > 1000) {
      return fail(kInvalid, "{} layers; 1 to 1000 are possible", *options.n_layers);
    }
    spec = spec.with_layers(*options.n_layers);
  }
  if (options.context) {
    if (*options.context < 1 || *options.context > 1 << 24) {
      return fail(kInvalid, "a context of {}; 1 to {} are possible", *options.context, 1 << 24);
    }
    spec.context = *options.context;
  }
  return spec;
}

Result<Plan> make_plan(const SynthOptions& options) {
  HEARTH_TRY(const auto mix, convert::find_quant_mix(options.quant));
  HEARTH_TRY(auto spec, resolve_spec(options));
  Plan plan = {.spec = std::move(spec), .tensors = {}, .types = {}, .writer = {}};
  if (options.vocabulary.empty()) {
    add_hyperparameters(plan.writer, plan.spec);
    add_made_up_vocabulary(plan.writer, plan.spec);
  } else {
    HEARTH_TRY(const auto source, gguf::ModelFile::open(options.vocabulary));
    auto size = vocabulary_size(source.metadata());
    if (!size) return propagate(std::move(size).error(), options.vocabulary.string());
    plan.spec.vocab = std::max(plan.spec.vocab, *size);
    add_hyperparameters(plan.writer, plan.spec);
    auto added = add_copied_vocabulary(plan.writer, source.metadata(), plan.spec);
    if (!added) return propagate(std::move(added).error(), options.vocabulary.string());
  }
  plan.writer.add_uint32("general.file_type", mix.file_type);
  plan.writer.add_uint32("general.quantization_version", 2);
  plan.tensors = list_tensors(plan.spec);
  plan.types = choose_types(mix, plan.spec, plan.tensors);
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    plan.writer.add_tensor(plan.tensors[i].name, plan.types[i], plan.tensors[i].dims);
  }
  return plan;
}

class WeightMaker {
 public:
  WeightMaker(const SynthOptions& options, uint64_t total_bytes)
      : options_(options),
        total_bytes_(total_bytes),
        pool_(options.n_threads > 0 ? options.n_threads : ThreadPool::usable_processors()),
        buffer_(kBatchBytes) {}

  Status produce(const ModelTensor& tensor, kernels::DType dtype, gguf::TensorSink& sink);

 private:
  void report(uint64_t bytes) {
    done_bytes_ += bytes;
    if (options_.progress) options_.progress(done_bytes_, total_bytes_);
  }

  const SynthOptions& options_;
  uint64_t total_bytes_;
  uint64_t done_bytes_ = 0;
  ThreadPool pool_;
  std::vector<std::byte> buffer_;
};

Status WeightMaker::produce(const ModelTensor& tensor, kernels::DType dtype, gguf::TensorSink& sink) {
  if (!tensor.values.empty()) return sink.write(std::as_bytes(std::span(tensor.values)));
  const uint64_t block_bytes = kernels::traits_of(dtype).block_bytes;
  const uint64_t chunk_bytes = kChunkBytes / block_bytes * block_bytes;
  const uint64_t batch_bytes = kBatchBytes / chunk_bytes * chunk_bytes;
  const uint64_t n_bytes = tensor.n_elements() / kernels::traits_of(dtype).block_size * block_bytes;
  const BlockGenerator generator(dtype, tensor.mean, tensor.deviation);
  const uint64_t name_hash = hash_name(tensor.name);

  for (uint64_t done = 0; done < n_bytes; done += batch_bytes) {
    const std::span<std::byte> batch = std::span(buffer_).first(std::min(batch_bytes, n_bytes - done));
    pool_.parallel_for(ceil_div(batch.size(), chunk_bytes), 4, [&](size_t begin, size_t end) {
      for (size_t chunk = begin; chunk < end; ++chunk) {
        const uint64_t at = chunk * chunk_bytes;
        Random random(options_.seed, name_hash, done / chunk_bytes + chunk);
        generator.fill(random, batch.subspan(at, std::min<uint64_t>(chunk_bytes, batch.size() - at)));
      }
    });
    HEARTH_CHECK_OK(sink.write(batch));
    report(batch.size());
  }
  return {};
}

}  // namespace

Result<uint64_t> synthetic_model_bytes(const SynthOptions& options) {
  HEARTH_TRY(const auto plan, make_plan(options));
  return plan.writer.size_bytes();
}

Result<void> write_synthetic_model(const SynthOptions& options) {
  HEARTH_TRY(const auto plan, make_plan(options));
  const uint64_t total = plan.writer.size_bytes();
  HEARTH_CHECK_OK(gguf::check_room(options.output, total));
  WeightMaker maker(options, total);
  return plan.writer.write(options.output, [&](size_t index, gguf::TensorSink& sink) {
    return maker.produce(plan.tensors[index], plan.types[index], sink);
  });
}

}  // namespace hearth::synth
