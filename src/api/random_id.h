// Ids of replies.
#pragma once

#include "base/random_id.h"
