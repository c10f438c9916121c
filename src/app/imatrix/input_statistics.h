// Sums of squares of what the weight matrices of a model are multiplied with, column by column, while the
// model reads a text: what an importance matrix is made of.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "convert/importance_matrix.h"
#include "gguf/model_file.h"
#include "tensor/forwarding_backend.h"

namespace hearth::app {

class InputStatistics final : public tensor::ForwardingBackend {
 public:
  // Counts for the matrices of `file`, whose mapped bytes are the model's weights; both are borrowed.
  InputStatistics(tensor::Backend& inner, const gguf::ModelFile& file);

  void linear(tensor::TensorView x, std::span<const tensor::LinearOutput> outputs) override;
  // Experts are counted one by one; what goes into their second matrices is computed once more for that.
  void moe(const tensor::MoeArgs& args) override;

  // One entry for each matrix that has been used, by name.
  std::vector<convert::InputSums> take();

 private:
  struct Matrix {
    const std::byte* end;
    convert::InputSums* sums;
  };
  convert::InputSums* sums_of(const tensor::WeightView& weight);
  static void add(convert::InputSums& sums, int64_t matrix, const tensor::TensorView& x);
  void count_expert(const tensor::MoeArgs& args, int64_t expert, std::span<const int32_t> rows);

  std::map<std::string, convert::InputSums, std::less<>> by_name_;
  std::map<const std::byte*, Matrix> by_data_;  // by first byte
  std::vector<float> rows_, gate_, up_;
};

}  // namespace hearth::app
