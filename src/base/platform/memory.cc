#include "base/platform/memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>

#if defined(__APPLE__)
#include <mach/mach.h>
#endif

namespace hearth::platform {
namespace {

std::optional<uint64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  uint64_t value = 0;
  return file >> value ? std::optional(value) : std::nullopt;  // "max": none
}

// The files of one version of control groups.
struct GroupFiles {
  const char* limit;
  const char* used;
  std::initializer_list<const char*> page_cache;  // keys of memory.stat, the groups below included
};
constexpr const char* kStat = "/memory.stat";

// Version 1 writes "no limit" as the largest number of pages.
constexpr uint64_t kNoLimit = uint64_t{1} << 60;

std::optional<GroupMemory> memory_of_group(const std::string& folder, const GroupFiles& files) {
  const auto limit = read_number(folder + files.limit);
  if (!limit || *limit >= kNoLimit) return std::nullopt;
  uint64_t used = read_number(folder + files.used).value_or(0);
  std::ifstream stat(folder + kStat);
  std::string key;
  for (uint64_t value = 0; stat >> key >> value;) {
    if (std::find(files.page_cache.begin(), files.page_cache.end(), key) != files.page_cache.end()) {
      used -= std::min(used, value);
    }
  }
  return GroupMemory{.limit_bytes = *limit, .available_bytes = *limit - std::min(*limit, used)};
}

void tighten(std::optional<GroupMemory>& all, const std::optional<GroupMemory>& one) {
  if (!one) return;
  if (!all) all = one;
  all->limit_bytes = std::min(all->limit_bytes, one->limit_bytes);
  all->available_bytes = std::min(all->available_bytes, one->available_bytes);
}

// The tightest from `group` up to the root of the hierarchy. In a container the root may be the group itself
// and `group` a path of the host that is not there.
std::optional<GroupMemory> memory_of_path(const std::string& root, std::string group,
                                          const GroupFiles& files) {
  std::optional<GroupMemory> tightest;
  while (true) {
    tighten(tightest, memory_of_group(root + group, files));
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos) return tightest;
    group.resize(slash);
  }
}

}  // namespace

std::optional<GroupMemory> control_group_memory(const std::string& mount, const std::string& membership) {
  const GroupFiles version_1{
      "/memory.limit_in_bytes", "/memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}};
  const GroupFiles version_2{"/memory.max", "/memory.current", {"inactive_file", "active_file"}};
  std::optional<GroupMemory> tightest;
  std::ifstream file(membership);
  // "0::/path" of version 2, "7:memory:/path" of version 1.
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    if (controllers.empty()) {
      tighten(tightest, memory_of_path(mount, group, version_2));
    } else if ((',' + controllers + ',').find(",memory,") != std::string::npos) {
      tighten(tightest, memory_of_path(mount + "/memory", group, version_1));
    }
  }
  return tightest;
}

#if defined(__linux__)

MemoryState memory_state() {
  MemoryState state;
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  for (uint64_t kib = 0; file >> key >> kib; std::getline(file, unit)) {
    if (key == "MemTotal:") state.total_bytes = kib * 1024;
    if (key == "MemAvailable:") state.available_bytes = kib * 1024;
  }
  state.machine_bytes = state.total_bytes;
  if (const auto group = control_group_memory("/sys/fs/cgroup", "/proc/self/cgroup")) {
    state.group_limit_bytes = group->limit_bytes;
    state.total_bytes = std::min(state.total_bytes, group->limit_bytes);
    state.available_bytes = std::min(state.available_bytes, group->available_bytes);
  }
  return state;
}

ProcessMemory process_memory() {
  ProcessMemory memory;
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    const auto kib = [&](const char* key) -> uint64_t {
      return line.starts_with(key) ? std::stoull(line.substr(line.find(':') + 1)) * 1024 : 0;
    };
    memory.anonymous_bytes += kib("RssAnon:");
    memory.file_bytes += kib("RssFile:");
  }
  return memory;
}

#elif defined(__APPLE__)

MemoryState memory_state() {
  MemoryState state;
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  state.total_bytes = state.machine_bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * page;
  state.available_bytes = state.total_bytes;
  vm_statistics64_data_t pages;
  mach_msg_type_number_t n = HOST_VM_INFO64_COUNT;
  if (host_statistics64(mach_host_self(), HOST_VM_INFO64, reinterpret_cast<host_info64_t>(&pages), &n) ==
      KERN_SUCCESS) {
    const uint64_t available = uint64_t{pages.free_count} + pages.external_page_count + pages.purgeable_count;
    state.available_bytes = std::min(state.total_bytes, available * page);
  }
  return state;
}

ProcessMemory process_memory() {
  task_vm_info_data_t info;
  mach_msg_type_number_t n = TASK_VM_INFO_COUNT;
  if (task_info(mach_task_self(), TASK_VM_INFO, reinterpret_cast<task_info_t>(&info), &n) != KERN_SUCCESS) {
    return {};
  }
  return {.anonymous_bytes = info.internal, .file_bytes = info.external};
}

#else

MemoryState memory_state() {
  MemoryState state;
  state.total_bytes = state.machine_bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  state.available_bytes = state.total_bytes;
  return state;
}

ProcessMemory process_memory() {
  return {};
}

#endif

}  // namespace hearth::platform
