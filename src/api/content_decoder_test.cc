#include "api/content_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

namespace hearth::api {
namespace {

using ::testing::HasSubstr;

std::string gzip(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  if (window_log > 0) ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  std::string out(ZSTD_compressBound(text.size()), '\0');
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer buffer{out.data(), out.size(), 0};
  // In pieces, so that the size of the text does not make the window smaller.
  ZSTD_compressStream2(context, &buffer, &in, ZSTD_e_continue);
  ZSTD_compressStream2(context, &buffer, &in, ZSTD_e_end);
  out.resize(buffer.pos);
  ZSTD_freeCCtx(context);
  return out;
}

struct Decoded {
  std::string text;
  int status = 200;
  std::string message;
};

Decoded decode(std::string_view coding, std::string_view bytes, size_t max_bytes = 1 << 20,
               size_t piece = SIZE_MAX) {
  const auto decoder = ContentDecoder::create(coding);
  Decoded decoded;
  auto failed = [&](const std::optional<ApiError>& error) {
    if (!error) return false;
    decoded.status = error->status;
    decoded.message = error->message;
    return true;
  };
  for (size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at)) {
    if (failed(decoder->write(bytes.substr(at, piece), decoded.text, max_bytes))) return decoded;
  }
  failed(decoder->finish());
  return decoded;
}

class ContentDecoderTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::string encode(std::string_view text) const {
    return std::string_view(GetParam()) == "gzip" ? gzip(text) : zstd(text);
  }
};

TEST_P(ContentDecoderTest, InflatesWhateverThePieces) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * i);
  const std::string bytes = encode(text);
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{4096}, SIZE_MAX}) {
    const Decoded decoded = decode(GetParam(), bytes, text.size(), piece);
    EXPECT_EQ(decoded.status, 200) << decoded.message;
    EXPECT_EQ(decoded.text, text) << piece;
  }
  EXPECT_EQ(decode(GetParam(), encode("")).text, "");
}

TEST_P(ContentDecoderTest, StopsABombAtTheLimit) {
  const std::string bomb = encode(std::string(10'000'000, ' '));
  ASSERT_LT(bomb.size(), 100'000u);
  const Decoded decoded = decode(GetParam(), bomb, 1'000'000);
  EXPECT_EQ(decoded.status, 413);
  EXPECT_THAT(decoded.message, HasSubstr("1000000 bytes when inflated"));
  EXPECT_LE(decoded.text.size(), 1'000'000u);
  const std::string text(100'000, 'x');
  EXPECT_EQ(decode(GetParam(), encode(text), 100'000).status, 200);
  EXPECT_EQ(decode(GetParam(), encode(text), 99'999).status, 413);
}

TEST_P(ContentDecoderTest, SeveralPartsAreOneText) {
  EXPECT_EQ(decode(GetParam(), encode("one ") + encode("two")).text, "one two");
}

TEST_P(ContentDecoderTest, DamageIsA400) {
  const std::string bytes = encode("a text that is long enough to be cut anywhere: 0123456789 0123456789");
  for (size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_EQ(decode(GetParam(), bytes.substr(0, n)).status, 400) << n;
  }
  EXPECT_EQ(decode(GetParam(), bytes + "x").status, 400);
  EXPECT_EQ(decode(GetParam(), "{\"model\":\"plain\"}").status, 400);
  EXPECT_EQ(decode(GetParam(), std::string(1000, '\xff')).status, 400);
}

INSTANTIATE_TEST_SUITE_P(Codings, ContentDecoderTest, ::testing::Values("gzip", "zstd"));

TEST(ContentDecoder, AskingForAGiantWindowIsRefused) {
  std::string text(9'000'000, 'a');
  EXPECT_EQ(decode("zstd", zstd(text, 23), text.size()).status, 200);
  EXPECT_EQ(decode("zstd", zstd(text, 27), text.size()).status, 400);
}

TEST(ContentDecoder, OtherCodingsHaveNone) {
  for (const char* other : {"", "deflate", "br", "gzip, gzip", "identity", "zst"}) {
    EXPECT_EQ(ContentDecoder::create(other), nullptr) << other;
  }
  EXPECT_NE(ContentDecoder::create("x-gzip"), nullptr);
}

}  // namespace
}  // namespace hearth::api
