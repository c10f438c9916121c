#include "synth/chat_templates.h"

namespace hearth::synth {

using namespace catalogue;
namespace {

constexpr std::string_view kLlama3 =
    "{{ bos_token }}"
    "{%- for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + (message['content'] | trim) + "
    "'<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";

constexpr std::string_view kChatMl =
    "{%- for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

constexpr std::string_view kGemma4 =
    "{{ bos_token }}"
    "{%- for message in messages %}"
    "{%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<|turn>' + role + '\\n' + (message['content'] | trim) + '<turn|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|turn>model\\n' }}{% endif %}";

}  // namespace

std::string_view chat_template_of(const ModelSpec& spec) {
  switch (spec.architecture) {
    case Architecture::kLlama:
      return kLlama3;
    case Architecture::kQwen2:
    case Architecture::kQwen3:
    case Architecture::kQwen3Moe:
      return kChatMl;
    case Architecture::kGemma4:
      return kGemma4;
    case Architecture::kGemmaEmbedding:
    case Architecture::kBert:
    case Architecture::kNomicBert:
      return {};
  }
  return {};
}

std::string_view end_of_turn_of(const ModelSpec& spec) {
  switch (spec.architecture) {
    case Architecture::kLlama:
      return "<|eot_id|>";
    case Architecture::kQwen2:
    case Architecture::kQwen3:
    case Architecture::kQwen3Moe:
      return "<|im_end|>";
    case Architecture::kGemma4:
      return "<turn|>";
    case Architecture::kGemmaEmbedding:
    case Architecture::kBert:
    case Architecture::kNomicBert:
      return {};
  }
  return {};
}

}  // namespace hearth::synth
