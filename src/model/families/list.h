// The families there are. A new one is a line here, a line in registry.cc and a short file.
#pragma once

#include "model/families/family.h"

namespace hearth::model {

extern const Family kBert;
extern const Family kGemma4;
extern const Family kGemmaEmbedding;
extern const Family kLlama;
extern const Family kNomicBert;
extern const Family kQwen2;
extern const Family kQwen3;
extern const Family kQwen3Moe;

}  // namespace hearth::model
