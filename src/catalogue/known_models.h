// Models that people use, for judging which of them a machine can run: data alone, from known_models.json.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

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
  std::string name;                 // as people write it
  std::string shape;                // of model_spec.cc
  std::vector<std::string> quants;  // of convert/quant_mix.h, the best choice first
  std::string pull;                 // what `hearth pull` fetches it by; empty = not known
  Fitness fitness;
};

// Those that come with the program, in the file's order.
std::span<const KnownModel> known_models();

// {"models": [{"name", "shape", "types": [...], "pull", "chat", "reasoning", "documents", "embedding"}]};
// name, shape and types must be there. kCorrupt names the model and the member at fault, also for one that is
// not known, a name that comes twice, a shape or type that there is not, or a number above 100.
Result<std::vector<KnownModel>> parse_known_models(std::string_view json);

// The file itself.
std::string_view known_models_json();

}  // namespace hearth::catalogue
