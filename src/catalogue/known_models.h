// Models that people use, for judging which of them a machine can run: data alone.
#pragma once

#include <span>
#include <string_view>

namespace hearth::catalogue {

// What a model is good for, and how good it is beside the others of this list: 0 = not at all, 100 = the
// best. Read from what the authors and independent boards publish; a rough order is all that choices need.
struct Fitness {
  int chat = 0;
  int reasoning = 0;
  int documents = 0;  // long texts: answers over what was read
  int embedding = 0;  // vectors for search
};

struct KnownModel {
  std::string_view name;                     // as people write it
  std::string_view shape;                    // of model_spec.cc
  std::span<const std::string_view> quants;  // of convert/quant_mix.h, the best choice first
  Fitness fitness;
};

std::span<const KnownModel> known_models();

}  // namespace hearth::catalogue
