#include "serving/model_choice.h"

#include <algorithm>
#include <functional>

namespace hearth::serving {

std::vector<ModelSummary> models_to_choose_from(std::vector<ModelSummary> models) {
  const auto brought = [](const ModelSummary& model) { return !model.built_in; };
  if (std::any_of(models.begin(), models.end(), brought)) std::erase_if(models, std::not_fn(brought));
  return models;
}

}  // namespace hearth::serving
