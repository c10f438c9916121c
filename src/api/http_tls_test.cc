// The server behind TLS: same connections, other bytes on the wire.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>

#include "api/http_server.h"
#include "api/testing/http_client.h"
#include "api/tls_context.h"

namespace hearth::api {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::Client;
using testing::FakeService;
using testing::get;
using ::testing::HasSubstr;
using testing::post;
using testing::RunningServer;

struct Certificate {
  Certificate(const fs::path& folder, const std::string& name, const char* passphrase = nullptr)
      : cert(folder / (name + ".crt")), key(folder / (name + ".key")) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
    X509_set_pubkey(x509.get(), pair.get());
    X509_NAME* subject = X509_get_subject_name(x509.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(x509.get(), subject);
    X509_sign(x509.get(), pair.get(), EVP_sha256());
    std::FILE* file = std::fopen(cert.c_str(), "w");
    PEM_write_X509(file, x509.get());
    std::fclose(file);
    file = std::fopen(key.c_str(), "w");
    PEM_write_PrivateKey(file, pair.get(), passphrase == nullptr ? nullptr : EVP_aes_128_cbc(), nullptr, 0,
                         nullptr, const_cast<char*>(passphrase));
    std::fclose(file);
  }
  fs::path cert, key;
};

// A blocking client that decides what it offers in the handshake.
class TlsClient {
 public:
  struct Offer {
    int max_version = TLS1_3_VERSION;
    const char* ciphers = "ALL:@SECLEVEL=0";
    std::string protocol = "\x08http/1.1";
  };

  explicit TlsClient(uint16_t port) : TlsClient(port, Offer()) {}
  TlsClient(uint16_t port, const Offer& offer)
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), offer.max_version);
    SSL_CTX_set_cipher_list(context_.get(), offer.ciphers);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(offer.protocol.data()),
                        static_cast<unsigned>(offer.protocol.size()));
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
    SSL_set_fd(ssl_.get(), fd_);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  ~TlsClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool connected() const { return connected_; }
  std::string version() const { return SSL_get_version(ssl_.get()); }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return std::string(reinterpret_cast<const char*>(name), size);
  }
  // The server's public key, as a hash in hexadecimal.
  std::string certificate() const {
    X509* x509 = SSL_get0_peer_certificate(ssl_.get());
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (x509 == nullptr || X509_pubkey_digest(x509, EVP_sha256(), hash, &size) != 1) return {};
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", hash[i]);
    return text;
  }
  void send(std::string_view bytes) {
    if (SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0)
      ADD_FAILURE() << "cannot send";
  }
  // All up to `words`, or to the end.
  std::string receive_until(std::string_view words) {
    std::string text;
    char block[16 * 1024];
    while (text.find(words) == std::string::npos) {
      const int n = SSL_read(ssl_.get(), block, sizeof block);
      if (n <= 0) {
        ended_properly_ = SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
        break;
      }
      text.append(block, static_cast<size_t>(n));
    }
    return text;
  }
  bool ended_properly() const { return ended_properly_; }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  int fd_ = -1;
  bool connected_ = false;
  bool ended_properly_ = false;
};

class HttpTlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hearth-tls-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    const Certificate certificate(folder_, "server");
    options_.tls_certificate = certificate.cert;
    options_.tls_key = certificate.key;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string problem(const fs::path& cert, const fs::path& key) const {
    auto context = load_tls(cert, key);
    if (context) return "no error";
    EXPECT_EQ(context.error().category, ErrorCategory::kInvalidArgument);
    return context.error().message;
  }

  fs::path folder_;
  HttpServerOptions options_;
  FakeService service_;
};

TEST_F(HttpTlsTest, AnswersOverTls) {
  RunningServer server(service_, options_);
  EXPECT_THAT(server.server().url(), ::testing::StartsWith("https://127.0.0.1:"));
  TlsClient client(server.port());
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.version(), "TLSv1.3");
  EXPECT_EQ(client.protocol(), "http/1.1");
  for (int i = 0; i < 3; ++i) {
    client.send(get("/health"));
    EXPECT_THAT(client.receive_until(R"({"status":"ok"})"), HasSubstr("200 OK"));
  }
  client.send(get("/health") + get("/nothing"));
  EXPECT_THAT(client.receive_until("there is no route"), HasSubstr("200 OK"));
  client.send(get("/health", "Connection: close\r\n"));
  EXPECT_THAT(client.receive_until("no such words"), HasSubstr("200 OK"));
  EXPECT_TRUE(client.ended_properly()) << "an end that nobody can forge";
}

TEST_F(HttpTlsTest, OldVersionsWeakCiphersAndOtherProtocolsAreRefused) {
  RunningServer server(service_, options_);
  TlsClient::Offer offer;
  offer.max_version = TLS1_2_VERSION;
  EXPECT_TRUE(TlsClient(server.port(), offer).connected());
  for (const char* weak : {"AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "NULL", "DHE"}) {
    offer.ciphers = weak;
    EXPECT_FALSE(TlsClient(server.port(), offer).connected()) << weak;
  }
  offer = TlsClient::Offer();
  for (const int old : {TLS1_VERSION, TLS1_1_VERSION}) {
    offer.max_version = old;
    EXPECT_FALSE(TlsClient(server.port(), offer).connected()) << old;
  }
  offer = TlsClient::Offer();
  offer.protocol = "\x02h2";
  EXPECT_FALSE(TlsClient(server.port(), offer).connected());
  offer.protocol = "\x02h2\x08http/1.1";
  TlsClient both(server.port(), offer);
  EXPECT_EQ(both.protocol(), "http/1.1");
}

TEST_F(HttpTlsTest, LargeBodiesAndStreamsPass) {
  RunningServer server(service_, options_);
  TlsClient client(server.port());
  client.send(post("/v1/completions", R"({"stream":true,"prompt":")" + std::string(300'000, 'x') + "\"}"));
  const std::string reply = client.receive_until("data: [DONE]");
  EXPECT_THAT(reply, HasSubstr("text/event-stream"));
  EXPECT_THAT(reply, HasSubstr("world"));
  client.send(get("/health"));
  EXPECT_THAT(client.receive_until("ok"), HasSubstr("200 OK"))
      << "the watching that the stream did has lost nothing";
}

TEST_F(HttpTlsTest, ARequestSentWhileAnotherIsAnsweredIsNotLost) {
  RunningServer server(service_, options_);
  service_.play([](serving::TokenWriter&) {});
  TlsClient client(server.port());
  client.send(post("/v1/completions", R"({"prompt":"a"})"));
  ASSERT_TRUE(service_.wait_for_generations(1, 5000));
  client.send(get("/health"));
  testing::say_hello(service_.writer(0));
  EXPECT_THAT(client.receive_until(R"({"status":"ok"})"), HasSubstr("Hello, world"));
}

TEST_F(HttpTlsTest, LeavingCancels) {
  RunningServer server(service_, options_);
  service_.play([](serving::TokenWriter&) {});
  {
    TlsClient client(server.port());
    client.send(post("/v1/completions", R"({"prompt":"a","stream":true})"));
    ASSERT_TRUE(service_.wait_for_generations(1, 5000));
  }
  EXPECT_TRUE(service_.wait_for_cancellations(1, 5000));
}

TEST_F(HttpTlsTest, PlainHttpIsToldSo) {
  RunningServer server(service_, options_);
  Client client = server.connect();
  client.send(get("/health"));
  const testing::Reply reply = client.receive();
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("https://"));
  EXPECT_TRUE(reply.complete);
}

TEST_F(HttpTlsTest, HandshakesHaveADeadlineAndNoiseAnEnd) {
  options_.limits.header_timeout = milliseconds(200);
  RunningServer server(service_, options_);
  Client silent = server.connect();
  Client half = server.connect();
  half.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  Client noise = server.connect();
  noise.send(std::string(1000, '\xaa'));
  EXPECT_EQ(silent.receive_some(), "");
  EXPECT_EQ(half.receive_some(), "");
  noise.receive_until("no such words");
  TlsClient slow(server.port());
  slow.send("GET /health HT");
  EXPECT_THAT(slow.receive_until("no such words"), HasSubstr("408")) << "the head's deadline is the same";
  TlsClient client(server.port());
  client.send(get("/health"));
  EXPECT_THAT(client.receive_until("ok"), HasSubstr("200 OK"));
}

TEST_F(HttpTlsTest, StopEndsIdleConnectionsAndHandshakes) {
  RunningServer server(service_, options_);
  Client shaking = server.connect();
  TlsClient idle(server.port());
  ASSERT_TRUE(idle.connected());
  server.server().stop(milliseconds(5000));
  EXPECT_TRUE(server.stops_within(1000));
}

TEST_F(HttpTlsTest, ARenewedCertificateIsUsedFromTheNextConnectionOn) {
  std::mutex mutex;
  std::vector<std::string> problems;
  options_.on_problem = [&](const Error& error) {
    std::lock_guard lock(mutex);
    problems.push_back(error.message);
  };
  RunningServer server(service_, options_);
  TlsClient before(server.port());
  const std::string first = before.certificate();
  std::ofstream(options_.tls_certificate) << "damaged";
  EXPECT_EQ(TlsClient(server.port()).certificate(), first) << "the last good one stays";
  const Certificate renewed(folder_, "server");
  const std::string second = TlsClient(server.port()).certificate();
  EXPECT_NE(second, "");
  EXPECT_NE(second, first);
  before.send(get("/health"));
  EXPECT_THAT(before.receive_until("ok"), HasSubstr("200 OK")) << "open connections go on";
  std::lock_guard lock(mutex);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0], HasSubstr("the last certificate stays in use"));
}

TEST_F(HttpTlsTest, FilesThatDoNotServeAreExplained) {
  const Certificate other(folder_, "other");
  const Certificate locked(folder_, "locked", "secret");
  std::ofstream(folder_ / "text") << "hello\n";
  const fs::path cert = options_.tls_certificate;
  const fs::path key = options_.tls_key;
  EXPECT_EQ(problem(cert, key), "no error");
  EXPECT_THAT(problem(folder_ / "absent", key), HasSubstr("No such file"));
  EXPECT_THAT(problem(cert, folder_ / "absent"), HasSubstr("cannot read the key"));
  EXPECT_THAT(problem(folder_, key), HasSubstr("it is a folder"));
  EXPECT_THAT(problem(folder_ / "text", key), HasSubstr("is not a certificate in PEM form"));
  EXPECT_THAT(problem(cert, folder_ / "text"), HasSubstr("is not a private key in PEM form"));
  EXPECT_THAT(problem(key, cert), HasSubstr("is not a certificate in PEM form"));
  EXPECT_THAT(problem(cert, other.key), HasSubstr("does not belong to the certificate"));
  EXPECT_THAT(problem(cert, locked.key), HasSubstr("has a passphrase"));
  options_.tls_key = other.key;
  options_.port = 0;
  EXPECT_FALSE(HttpServer::create(options_, Router()));
}

}  // namespace
}  // namespace hearth::api
