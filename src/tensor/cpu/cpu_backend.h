// The Backend of this machine's processor.
#pragma once

#include <memory>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "tensor/backend.h"

namespace hearth::tensor {

// Borrows both for its lifetime.
std::unique_ptr<Backend> create_cpu_backend(const kernels::KernelTable& kernels, ThreadPool& pool);

}  // namespace hearth::tensor
