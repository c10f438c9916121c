#include "api/access/key_file.h"

#include "api/access/private_file.h"

namespace hearth::api {

Result<ApiKeys> read_key_file(const std::filesystem::path& path) {
  HEARTH_TRY(const std::optional<std::string> text, read_private_file(path));
  if (!text) return ApiKeys();
  auto keys = ApiKeys::parse(*text);
  if (!keys) return propagate(std::move(keys).error().with_context(path.string()));
  return keys;
}

KeyFile::KeyFile(std::filesystem::path path, std::function<void(const Error&)> on_problem)
    : path_(std::move(path)), on_problem_(std::move(on_problem)), keys_(std::make_shared<const ApiKeys>()) {}

std::shared_ptr<const ApiKeys> KeyFile::keys() {
  std::lock_guard lock(mutex_);
  // Before reading: a change while the file is read is seen the next time.
  const FileStamp now = FileStamp::of(path_);
  if (now == stamp_) return keys_;
  stamp_ = now;
  auto read = read_key_file(path_);
  if (!read && on_problem_) on_problem_(read.error());
  keys_ = std::make_shared<const ApiKeys>(read ? std::move(*read) : ApiKeys());
  return keys_;
}

}  // namespace hearth::api
