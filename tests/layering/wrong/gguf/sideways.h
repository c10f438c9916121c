#include "tensor/backend.h"
