// The known models beside this machine, as the page shows them.
#pragma once

#include "api/page/fit_route.h"
#include "app/settings.h"

namespace hearth::app {

// Measures the machine, which takes all its processors for some seconds.
Result<api::page::FitReport> fit_report(const Settings& settings);

}  // namespace hearth::app
