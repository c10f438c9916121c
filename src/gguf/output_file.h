// A file that appears under its name only when it is whole: written beside it, synced, renamed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace hearth::gguf {

// kIo, with both numbers, if the disk of `output` has no room for that many bytes.
Status check_room(const std::filesystem::path& output, uint64_t needed_bytes);

class OutputFile {
 public:
  static Result<OutputFile> create(const std::filesystem::path& path);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // removes what was not committed

  Status write(std::span<const std::byte> bytes);
  Status commit();

 private:
  OutputFile(std::filesystem::path path, std::string temporary, int fd);
  Status flush();
  tl::unexpected<Error> io_error(std::string_view doing, int code) const;

  std::filesystem::path path_;
  std::string temporary_;  // empty once committed
  int fd_;
  std::string pending_;  // small writes, gathered
};

}  // namespace hearth::gguf
