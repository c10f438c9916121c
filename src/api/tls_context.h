// A server's certificate and what TLS it speaks: 1.2 and 1.3, with forward secrecy and authenticated ciphers
// only.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>

#include "base/result.h"

namespace hearth::api {

// `certificate`: PEM, the server's own first, then what leads to a root. `key`: its private key, PEM without
// a passphrase. kInvalidArgument names the file and what is wrong with it, or that the two do not belong
// together.
Result<std::unique_ptr<boost::asio::ssl::context>> load_tls(const std::filesystem::path& certificate,
                                                            const std::filesystem::path& key);

}  // namespace hearth::api
