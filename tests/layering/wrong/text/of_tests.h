#include "text/testing/small_vocabulary.h"
