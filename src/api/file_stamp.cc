#include "api/file_stamp.h"

#include <sys/stat.h>

namespace hearth::api {

FileStamp FileStamp::of(const std::filesystem::path& path) {
  struct stat status {};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return {};
  return FileStamp{status.st_dev, status.st_ino, status.st_size,
                   int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

}  // namespace hearth::api
