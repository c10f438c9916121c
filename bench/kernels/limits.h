// What this machine can do at most on one thread, measured: the yardstick of every kernel.
#pragma once

#include <string_view>

namespace hearth::bench {

// Bytes per second when reading memory far larger than the caches.
double read_bandwidth();

// int8 multiply-accumulates per second from registers with the best instruction of the table called `name`; 0
// when there is no measurement for it.
double int8_peak(std::string_view name);

}  // namespace hearth::bench
