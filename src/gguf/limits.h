// The most that a model file may ask for. Every limit is far above what real models use, and small enough
// that a hostile file costs little more than its own size to refuse.
#pragma once

#include <cstdint>

namespace hearth::gguf {

inline constexpr uint64_t kMaxKeyBytes = 64 << 10;  // keys and tensor names
inline constexpr uint64_t kMaxStringBytes = 16 << 20;
inline constexpr uint64_t kMaxArrayItems = 64 << 20;
inline constexpr uint64_t kMaxMetadataEntries = 65536;
inline constexpr uint64_t kMaxTensors = 65536;  // of all shards together
inline constexpr uint64_t kMaxChatTemplateBytes = 1 << 20;
inline constexpr uint32_t kMaxDims = 4;
inline constexpr uint64_t kMinAlignment = 8;
inline constexpr uint64_t kMaxAlignment = 4096;
inline constexpr uint64_t kDefaultAlignment = 32;
inline constexpr uint64_t kMaxShards = 1024;

}  // namespace hearth::gguf
