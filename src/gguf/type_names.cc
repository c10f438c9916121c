#include "gguf/type_names.h"

#include <fmt/format.h>

#include <string_view>

#include "kernels/dtype.h"

namespace hearth::gguf {
namespace {

struct TypeName {
  uint32_t id;
  std::string_view name;
  bool removed = false;
};

// Those that kernels/dtype.h does not have.
constexpr TypeName kOtherTypes[] = {
    {4, "Q4_2", true},
    {5, "Q4_3", true},
    {9, "Q8_1"},
    {15, "Q8_K"},
    {16, "IQ2_XXS"},
    {17, "IQ2_XS"},
    {18, "IQ3_XXS"},
    {19, "IQ1_S"},
    {21, "IQ3_S"},
    {22, "IQ2_S"},
    {24, "I8"},
    {25, "I16"},
    {26, "I32"},
    {27, "I64"},
    {28, "F64"},
    {29, "IQ1_M"},
    {31, "Q4_0_4_4", true},
    {32, "Q4_0_4_8", true},
    {33, "Q4_0_8_8", true},
    {34, "TQ1_0"},
    {35, "TQ2_0"},
    {36, "IQ4_NL_4_4", true},
    {37, "IQ4_NL_4_8", true},
    {38, "IQ4_NL_8_8", true},
    {40, "NVFP4"},
    {41, "Q1_0"},
    {42, "Q2_0"},
};

}  // namespace

std::string tensor_type_name(uint32_t id) {
  if (const auto* traits = kernels::find_dtype(id)) return std::string(traits->name);
  for (const TypeName& type : kOtherTypes) {
    if (type.id != id) continue;
    return type.removed ? fmt::format("{} (removed from the format)", type.name) : std::string(type.name);
  }
  return fmt::format("id {} (unknown)", id);
}

}  // namespace hearth::gguf
