// Making a model of the store while a person watches: create and import.
#pragma once

#include "app/command.h"
#include "app/shutdown_signals.h"
#include "serving/model_creation.h"

namespace hearth::app {

// serving::create_model() with progress bars; a signal stops it. `signals` was made before any other thread.
Result<store::StoredModel> make_model(store::ModelStore& models, const store::ModelName& name,
                                      const serving::WeightSource& source, const store::Modelfile& words,
                                      ShutdownSignals& signals, Environment& environment);

}  // namespace hearth::app
