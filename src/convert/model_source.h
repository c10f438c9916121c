// A model as what it is made of, wherever its bytes are: the common form that model files and checkpoints are
// brought into before they are written as a model file.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "convert/quant_mix.h"
#include "gguf/model_file.h"
#include "gguf/writer.h"
#include "kernels/dtype.h"

namespace hearth::convert {

struct SourceTensor {
  std::string name;
  kernels::DType dtype;
  kernels::DType kept_as;                         // its type where no mix chooses one
  std::vector<uint64_t> dims;                     // GGUF order
  std::vector<std::span<const std::byte>> parts;  // of equal size, one behind the other: experts of a stack
  // Not 0: the rows of each of so many heads come as two halves, and are wanted in pairs (2i, 2i + 1) of one
  // row from each half: rotary embedding as Llama files have it.
  uint64_t paired_heads = 0;

  uint64_t n_rows() const;
  uint64_t n_elements() const { return n_rows() * dims[0]; }
  // The bytes of row r of the result.
  const std::byte* row(uint64_t r) const;
};

struct ModelSource {
  gguf::GgufWriter writer;  // has the metadata, save what depends on the types
  std::string architecture;
  MixModel facts;                     // its architecture is set where it is used
  std::optional<uint64_t> file_type;  // general.file_type of a model file
  std::vector<SourceTensor> tensors;
  std::list<std::vector<std::byte>> owned;  // bytes that are in no file
  std::function<bool()> damaged;            // a file was cut short under our hands

  // Borrows the file.
  static Result<ModelSource> of(const gguf::ModelFile& file);
};

}  // namespace hearth::convert
