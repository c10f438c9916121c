#include "api/content_decoder.h"

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <new>

namespace hearth::api {
namespace {

// A client may not have us keep more history than this: RFC 9659 (zstd, 8 MiB); gzip has 32 KiB by nature.
constexpr int kMaxZstdWindowLog = 23;

ApiError broken(std::string_view coding) {
  return http_error(400, fmt::format("the body is not valid {}", coding));
}
ApiError cut_short(std::string_view coding) {
  return http_error(400, fmt::format("the {} body ends too early", coding));
}

using Block = std::array<char, 32 * 1024>;

// False: beyond the limit.
std::optional<ApiError> append(std::string& out, const Block& block, size_t n, size_t max_bytes) {
  if (n > max_bytes - std::min(max_bytes, out.size())) {
    return http_error(413,
                      fmt::format("the request's body is longer than {} bytes when inflated", max_bytes));
  }
  out.append(block.data(), n);
  return std::nullopt;
}

// RFC 1952; a body may be several members in a row.
class GzipDecoder : public ContentDecoder {
 public:
  GzipDecoder() {
    constexpr int kGzipOnly = 16;
    if (inflateInit2(&stream_, MAX_WBITS + kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { inflateEnd(&stream_); }
  GzipDecoder(const GzipDecoder&) = delete;

  std::optional<ApiError> write(std::string_view bytes, std::string& out, size_t max_bytes) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    Block block;
    do {
      if (stream_.avail_in > 0 && ended_) {
        inflateReset(&stream_);
        ended_ = false;
      }
      stream_.next_out = reinterpret_cast<Bytef*>(block.data());
      stream_.avail_out = static_cast<uInt>(block.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return broken("gzip");
      if (auto bad = append(out, block, block.size() - stream_.avail_out, max_bytes)) return bad;
      ended_ = result == Z_STREAM_END;
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    return std::nullopt;
  }

  std::optional<ApiError> finish() override {
    if (!ended_) return cut_short("gzip");
    return std::nullopt;
  }

 private:
  z_stream stream_{};
  bool ended_ = false;
};

// RFC 8878; a body may be several frames in a row.
class ZstdDecoder : public ContentDecoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (!stream_ ||
        ZSTD_isError(ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog))) {
      throw std::bad_alloc();
    }
  }

  std::optional<ApiError> write(std::string_view bytes, std::string& out, size_t max_bytes) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    Block block;
    bool more = true;
    while (in.pos < in.size || more) {
      ZSTD_outBuffer produced{block.data(), block.size(), 0};
      const size_t before = in.pos;
      const size_t result = ZSTD_decompressStream(stream_.get(), &produced, &in);
      if (ZSTD_isError(result)) return broken("zstd");
      if (auto bad = append(out, block, produced.pos, max_bytes)) return bad;
      more = produced.pos == produced.size;
      if (in.pos != before || produced.pos > 0) ended_ = result == 0;
    }
    return std::nullopt;
  }

  std::optional<ApiError> finish() override {
    if (!ended_) return cut_short("zstd");
    return std::nullopt;
  }

 private:
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ContentDecoder> ContentDecoder::create(std::string_view coding) {
  if (coding == "gzip" || coding == "x-gzip") return std::make_unique<GzipDecoder>();
  if (coding == "zstd") return std::make_unique<ZstdDecoder>();
  return nullptr;
}

}  // namespace hearth::api
