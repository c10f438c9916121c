#include "base/platform/mapping_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <mutex>

namespace hearth::platform {
namespace {

// Read by the signal handler: only lock-free atomics. A slot is live while begin != 0.
struct Slot {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
  std::atomic<std::atomic<bool>*> damaged{nullptr};
};
Slot g_slots[kMaxGuardedMappings];
uintptr_t g_page_size = 4096;
struct sigaction g_previous;

void on_sigbus(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Slot& slot : g_slots) {
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin || address >= slot.end.load(std::memory_order_acquire)) continue;
    slot.damaged.load(std::memory_order_acquire)->store(true, std::memory_order_release);
    // Every page from here to the end is gone as well: replace them all at once.
    const uintptr_t page = address & ~(g_page_size - 1);
    void* mapped = mmap(reinterpret_cast<void*>(page), slot.end.load() - page, PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (mapped != MAP_FAILED) return;
    break;
  }
  // Not ours: what would have happened without us.
  if (g_previous.sa_flags & SA_SIGINFO) {
    if (g_previous.sa_sigaction) return g_previous.sa_sigaction(signal, info, context);
  } else if (g_previous.sa_handler != SIG_DFL && g_previous.sa_handler != SIG_IGN) {
    return g_previous.sa_handler(signal);
  }
  ::signal(SIGBUS, SIG_DFL);
  raise(SIGBUS);
}

std::mutex& table_mutex() {
  static std::mutex mutex;
  return mutex;
}

void install_handler_once() {
  static const bool installed = [] {
    g_page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    struct sigaction action = {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &g_previous) == 0;
  }();
  (void)installed;
}

}  // namespace

bool guard_mapping(void* address, size_t length, std::atomic<bool>* damaged) {
  std::lock_guard lock(table_mutex());
  install_handler_once();
  for (Slot& slot : g_slots) {
    if (slot.begin.load() != 0) continue;
    slot.damaged.store(damaged);
    // The kernel maps whole pages; the tail of the last one belongs to us too.
    slot.end.store((reinterpret_cast<uintptr_t>(address) + length + g_page_size - 1) & ~(g_page_size - 1));
    slot.begin.store(reinterpret_cast<uintptr_t>(address), std::memory_order_release);
    return true;
  }
  return false;
}

void release_mapping(void* address) {
  std::lock_guard lock(table_mutex());
  for (Slot& slot : g_slots) {
    if (slot.begin.load() == reinterpret_cast<uintptr_t>(address)) slot.begin.store(0);
  }
}

}  // namespace hearth::platform
