#include "app/weight_conversion.h"

#include <atomic>
#include <optional>

#include "convert/checkpoint.h"
#include "convert/quantize_model.h"

namespace hearth::app {
namespace {

using serving::OnCreationStep;
using serving::WeightConversion;

class Conversion {
 public:
  Conversion(const WeightConversion& wanted, const OnCreationStep& on_step,
             const std::function<void(const std::string&)>& on_notice)
      : wanted_(wanted), on_step_(on_step), on_notice_(on_notice) {}

  Status run() const {
    std::optional<convert::QuantMix> mix;
    if (!wanted_.quantize.empty()) {
      HEARTH_TRY(mix, convert::find_quant_mix(wanted_.quantize));
    }
    return wanted_.checkpoint.empty() ? of_parts(mix) : of_checkpoint(std::move(mix));
  }

 private:
  Status of_parts(const std::optional<convert::QuantMix>& mix) const {
    HEARTH_TRY(const gguf::ModelFile file, gguf::ModelFile::open(wanted_.parts));
    HEARTH_TRY(convert::ModelSource source, convert::ModelSource::of(file));
    if (!mix) return write(convert::QuantizePlan::joined(std::move(source)), "joining the parts");
    HEARTH_TRY(const auto plan, convert::QuantizePlan::make(std::move(source), *mix, nullptr));
    return write(plan, fmt::format("quantizing model to {}", mix->name));
  }

  Status of_checkpoint(std::optional<convert::QuantMix> mix) const {
    HEARTH_TRY(const convert::Checkpoint checkpoint, convert::Checkpoint::open(wanted_.checkpoint));
    if (!mix) {
      HEARTH_TRY(const kernels::DType dtype, convert::weight_type(checkpoint));
      HEARTH_TRY(mix, convert::find_quant_mix(kernels::traits_of(dtype).name));
    }
    HEARTH_TRY(convert::ModelSource source, convert::read_checkpoint(checkpoint, wanted_.name));
    HEARTH_TRY(const auto plan, convert::QuantizePlan::make(std::move(source), *mix, nullptr));
    return write(plan, fmt::format("converting model to {}", mix->name));
  }

  Status write(const convert::QuantizePlan& plan, const std::string& status) const {
    if (on_notice_) {
      for (const std::string& notice : plan.notices()) on_notice_(notice);
    }
    std::atomic<bool> cancelled{false};
    const auto report = [&](uint64_t done, uint64_t total) {
      if (!on_step_({.status = status, .completed = done, .total = total})) cancelled = true;
    };
    ThreadPool threads(ThreadPool::usable_processors());
    return plan.write(wanted_.output, threads, {.report = report, .cancelled = &cancelled});
  }

  const WeightConversion& wanted_;
  const OnCreationStep& on_step_;
  const std::function<void(const std::string&)>& on_notice_;
};

}  // namespace

serving::ConvertWeights weight_converter(std::function<void(const std::string&)> on_notice) {
  return [on_notice = std::move(on_notice)](const WeightConversion& wanted, const OnCreationStep& on_step) {
    return Conversion(wanted, on_step, on_notice).run();
  };
}

}  // namespace hearth::app
