// The names of all tensor type ids the format ever had, for messages about those this build cannot run.
#pragma once

#include <cstdint>
#include <string>

namespace hearth::gguf {

// "IQ2_XXS"; "Q4_2 (removed from the format)"; "id 77 (unknown)".
std::string tensor_type_name(uint32_t id);

}  // namespace hearth::gguf
