#include "base/pool_turns.h"

#include <algorithm>

namespace hearth {
namespace {

// A caller that was away for so long is forgotten.
constexpr PoolTurns::Time kForget = std::chrono::milliseconds(20);

thread_local double share_of_thread = 1;

}  // namespace

void set_pool_share(double share) {
  share_of_thread = share;
}

double pool_share() {
  return share_of_thread;
}

PoolTurns::Account* PoolTurns::find(Caller caller) {
  const auto it = std::find_if(accounts_.begin(), accounts_.end(),
                               [&](const Account& account) { return account.caller == caller; });
  return it == accounts_.end() ? nullptr : &*it;
}

const PoolTurns::Account* PoolTurns::first_waiting() const {
  const Account* first = nullptr;
  for (const Account& account : accounts_) {
    if (account.waits && (first == nullptr || account.had < first->had)) first = &account;
  }
  return first;
}

void PoolTurns::arrive(Caller caller, double share, Time now) {
  std::erase_if(accounts_, [&](const Account& account) {
    return !account.waits && !(running_ && account.caller == owner_) && now - account.seen > kForget;
  });
  Account* account = find(caller);
  if (account == nullptr) {
    double least = 0;
    for (size_t i = 0; i < accounts_.size(); ++i) {
      least = i == 0 ? accounts_[i].had : std::min(least, accounts_[i].had);
    }
    account = &accounts_.emplace_back(Account{.caller = caller, .had = least});
  }
  account->share = share;
  account->waits = true;
  account->seen = now;
}

bool PoolTurns::turn_is_over(const Account& owner) const {
  const Account* next = nullptr;
  for (const Account& account : accounts_) {
    if (!account.waits || account.caller == owner.caller) continue;
    if (next == nullptr || account.had < next->had) next = &account;
  }
  return next != nullptr && owner.had > next->had + static_cast<double>(kSlice.count());
}

bool PoolTurns::may_start(Caller caller, Time now) const {
  if (running_) return false;
  const auto owner = std::find_if(accounts_.begin(), accounts_.end(),
                                  [&](const Account& account) { return account.caller == owner_; });
  const bool owner_goes_on = owner != accounts_.end() && !turn_is_over(*owner);
  if (caller == owner_ && owner_goes_on) return true;
  if (owner_goes_on && (owner->waits || now - ended_ < kPause)) return false;
  const Account* first = first_waiting();
  return first != nullptr && first->caller == caller;
}

void PoolTurns::start(Caller caller, Time now) {
  if (Account* account = find(caller)) account->waits = false;
  owner_ = caller;
  running_ = true;
  started_ = now;
}

bool PoolTurns::end(Time now) {
  running_ = false;
  ended_ = now;
  Account* owner = find(owner_);
  if (owner == nullptr) return true;
  owner->had += static_cast<double>((now - started_).count()) / owner->share;
  owner->seen = now;
  return turn_is_over(*owner);
}

bool PoolTurns::others_wait(Caller caller) const {
  return std::any_of(accounts_.begin(), accounts_.end(),
                     [&](const Account& account) { return account.waits && account.caller != caller; });
}

}  // namespace hearth
