// What this machine can do at most, measured: the read bandwidth of memory.
#pragma once

#include "base/thread_pool.h"

namespace hearth::app {

// Bytes per second that the pool's threads read from memory far larger than the caches; the best of a few
// passes. 0 when there is no memory for the buffer. Takes about a third of a second.
double measure_read_bandwidth(ThreadPool& threads);

}  // namespace hearth::app
