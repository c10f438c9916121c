// /api/create: a model from another one or from uploaded files, as JSON.
#pragma once

#include <string>
#include <string_view>

#include "api/fields.h"
#include "serving/model_creation.h"

namespace hearth::api::ollama {

struct CreateRequest {
  store::ModelName name;
  serving::WeightSource source;
  store::Modelfile modelfile;
  bool stream = true;
};

// Also the older form with "modelfile" as text, whose FROM names a model: paths of this machine are for the
// command line.
Parsed<CreateRequest> parse_create_request(std::string_view body);

}  // namespace hearth::api::ollama
