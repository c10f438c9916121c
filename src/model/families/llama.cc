// Llama 2, 3, 3.1, 3.3 and what was made like them. Rotary pairs are (2i, 2i+1): the converter permuted the
// rows of Q and K. Llama 3.1's frequency scaling is the tensor rope_freqs.
#include "model/families/list.h"

namespace hearth::model {

const Family kLlama = {"llama", "Llama 2, 3, 3.1, 3.3",
                       [](const gguf::Metadata&, ModelConfig& config) -> Status {
                         if (config.moe.n_experts > 0) {
                           return fail(ErrorCategory::kUnsupported,
                                       "key llama.expert_count: mixtures of experts of this family");
                         }
                         config.interleaved_rope = true;
                         config.rope[0].uses_frequency_factors = true;
                         return {};
                       }};

}  // namespace hearth::model
