#include "base/platform/executable.h"

#include <string>

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

namespace hearth::platform {

std::filesystem::path executable_path() {
  std::error_code error;
#if defined(__APPLE__)
  uint32_t size = 0;
  _NSGetExecutablePath(nullptr, &size);
  std::string path(size, '\0');
  if (_NSGetExecutablePath(path.data(), &size) != 0) return {};
  return std::filesystem::canonical(path.c_str(), error);
#else
  return std::filesystem::read_symlink("/proc/self/exe", error);
#endif
}

}  // namespace hearth::platform
