#include "api/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509err.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace hearth::api {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

template <typename... Args>
tl::unexpected<Error> invalid(fmt::format_string<Args...> format, Args&&... args) {
  return fail(ErrorCategory::kInvalidArgument, format, std::forward<Args>(args)...);
}

// The library's own words for a missing file are about its parser.
Status check_readable(std::string_view what, const std::filesystem::path& path) {
  std::error_code error;
  const bool folder = std::filesystem::is_directory(path, error);
  std::ifstream stream(path);
  if (folder || !stream) {
    return invalid("cannot read the {} \"{}\": {}", what, path.string(),
                   folder ? "it is a folder" : std::strerror(errno));
  }
  return {};
}

// HTTP/1.1 is all this server speaks. A client that offers others only is told so in the handshake.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  static constexpr unsigned char kProtocols[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<std::unique_ptr<ssl::context>> load_tls(const std::filesystem::path& certificate,
                                               const std::filesystem::path& key) {
  HEARTH_CHECK_OK(check_readable("certificate", certificate));
  HEARTH_CHECK_OK(check_readable("key", key));
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // idle connections keep no buffers
  SSL_CTX_set_alpn_select_cb(native, select_protocol, nullptr);
  if (SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) {
    return fail(ErrorCategory::kInternal, "the TLS library has none of the ciphers that this server uses");
  }
  bool asked = false;
  error_code error;
  context->set_password_callback(
      [&asked](size_t, ssl::context::password_purpose) {
        asked = true;
        return std::string();
      },
      error);
  if (!error) context->use_certificate_chain_file(certificate.string(), error);
  if (error)
    return invalid("\"{}\" is not a certificate in PEM form: {}", certificate.string(), error.message());
  context->use_private_key_file(key.string(), ssl::context::pem, error);
  // Not kept: it refers to a local variable, and no further key is read.
  context->set_password_callback([](size_t, ssl::context::password_purpose) { return std::string(); });
  if (asked) return invalid("the key \"{}\" has a passphrase; give a key without one", key.string());
  if (ERR_GET_LIB(error.value()) == ERR_LIB_X509 &&
      ERR_GET_REASON(error.value()) == X509_R_KEY_VALUES_MISMATCH) {
    return invalid("the key \"{}\" does not belong to the certificate \"{}\"", key.string(),
                   certificate.string());
  }
  if (error) return invalid("\"{}\" is not a private key in PEM form: {}", key.string(), error.message());
  return context;
}

Result<std::unique_ptr<TlsFiles>> TlsFiles::open(std::filesystem::path certificate, std::filesystem::path key,
                                                 std::function<void(const Error&)> on_problem) {
  auto files = std::unique_ptr<TlsFiles>(new TlsFiles);
  files->certificate_stamp_ = FileStamp::of(certificate);
  files->key_stamp_ = FileStamp::of(key);
  HEARTH_TRY(files->context_, load_tls(certificate, key));
  files->certificate_ = std::move(certificate);
  files->key_ = std::move(key);
  files->on_problem_ = std::move(on_problem);
  return files;
}

ssl::context& TlsFiles::current() {
  const FileStamp certificate_now = FileStamp::of(certificate_);
  const FileStamp key_now = FileStamp::of(key_);
  if (certificate_now == certificate_stamp_ && key_now == key_stamp_) return *context_;
  certificate_stamp_ = certificate_now;
  key_stamp_ = key_now;
  // Between the writing of the one and of the other they do not fit; that changes the stamp again.
  if (auto renewed = load_tls(certificate_, key_)) {
    context_ = std::move(*renewed);
  } else if (on_problem_) {
    on_problem_(std::move(renewed).error().with_context("the last certificate stays in use"));
  }
  return *context_;
}

}  // namespace hearth::api
