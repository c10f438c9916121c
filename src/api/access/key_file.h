// The file that keys are kept in, and its contents as they are now.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>

#include "api/access/api_keys.h"
#include "api/file_stamp.h"
#include "base/result.h"

namespace hearth::api {

// The keys of a file; none when it is absent. kIo; kCorrupt also for what is no regular file, is longer than
// 4 MiB, or can be written by other users.
Result<ApiKeys> read_key_file(const std::filesystem::path& path);

// Looks at the file whenever keys are asked for, so that a key that was removed is worth nothing from the
// next request on. Thread-safe.
class KeyFile {
 public:
  // `on_problem` hears why the file cannot be read, once per change; there are no keys then, so that nobody
  // gets in by damaging it. An empty path is a file that is never there.
  explicit KeyFile(std::filesystem::path path, std::function<void(const Error&)> on_problem = nullptr);

  std::shared_ptr<const ApiKeys> keys();

 private:
  const std::filesystem::path path_;
  const std::function<void(const Error&)> on_problem_;
  std::mutex mutex_;
  FileStamp stamp_;
  std::shared_ptr<const ApiKeys> keys_;
};

}  // namespace hearth::api
