#pragma once

namespace hearth::api {

// When routes with a scope ask for a key.
enum class KeyPolicy {
  kWhereExposed,  // when the server listens on an address that other machines can reach
  kAlways,
  kNever,  // an administrator's explicit wish
};

}  // namespace hearth::api
