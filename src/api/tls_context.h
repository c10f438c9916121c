// A server's certificate and what TLS it speaks: 1.2 and 1.3, with forward secrecy and authenticated ciphers
// only.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <functional>
#include <memory>

#include "api/file_stamp.h"
#include "base/result.h"

namespace hearth::api {

// `certificate`: PEM, the server's own first, then what leads to a root. `key`: its private key, PEM without
// a passphrase. kInvalidArgument names the file and what is wrong with it, or that the two do not belong
// together.
Result<std::unique_ptr<boost::asio::ssl::context>> load_tls(const std::filesystem::path& certificate,
                                                            const std::filesystem::path& key);

// The two files as they are now: a renewed certificate is used from the next connection on. Not thread-safe.
class TlsFiles {
 public:
  // As load_tls. `on_problem` hears of files that were changed and do not serve; the last ones that did stay
  // in use.
  static Result<std::unique_ptr<TlsFiles>> open(std::filesystem::path certificate, std::filesystem::path key,
                                                std::function<void(const Error&)> on_problem);

  // For one new stream, which keeps what it needs of it.
  boost::asio::ssl::context& current();

 private:
  TlsFiles() = default;

  std::filesystem::path certificate_, key_;
  std::function<void(const Error&)> on_problem_;
  FileStamp certificate_stamp_, key_stamp_;
  std::unique_ptr<boost::asio::ssl::context> context_;
};

}  // namespace hearth::api
