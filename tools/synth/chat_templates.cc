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

// With tools as Hermes and Qwen write them.
constexpr std::string_view kChatMl =
    "{%- set has_system = messages[0]['role'] == 'system' %}"
    "{%- if tools %}"
    "{{ '<|im_start|>system\\n' + (messages[0]['content'] + '\\n\\n' if has_system else '') }}"
    "{{ '# Tools\\n\\n<tools>' }}"
    "{%- for tool in tools %}{{ '\\n' + (tool | tojson) }}{% endfor %}"
    "{{ '\\n</tools>\\n\\nCall one as\\n<tool_call>\\n{\"name\": NAME, \"arguments\": "
    "OBJECT}\\n</tool_call><|im_end|>\\n' }}"
    "{%- endif %}"
    "{%- for message in (messages[1:] if tools and has_system else messages) %}"
    "{%- if message['role'] == 'tool' %}"
    "{{ '<|im_start|>user\\n<tool_response>\\n' + message['content'] + '\\n</tool_response><|im_end|>\\n' }}"
    "{%- else %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + (message['content'] or '') }}"
    "{%- for call in message['tool_calls'] or [] %}"
    "{{ '\\n<tool_call>\\n{\"name\": ' + (call['function']['name'] | tojson) + ', \"arguments\": ' + "
    "(call['function']['arguments'] | tojson) + '}\\n</tool_call>' }}"
    "{%- endfor %}"
    "{{ '<|im_end|>\\n' }}"
    "{%- endif %}"
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
