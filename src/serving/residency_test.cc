#include "serving/residency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace hearth::serving {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Kind = Residency::Decision::Kind;

constexpr uint64_t kBytes = 100;  // of each model
constexpr Residency::Pace kPace;

class ResidencyTest : public ::testing::Test {
 protected:
  void expect(Kind kind, Residency::Id model) {
    const Residency::Decision decision = residency_.decide(now_);
    EXPECT_EQ(decision.kind, kind);
    EXPECT_EQ(decision.model, model);
  }
  void expect_wait(std::optional<seconds> for_time = {}) {
    const Residency::Decision decision = residency_.decide(now_);
    EXPECT_EQ(decision.kind, Kind::kWait);
    const std::optional<Residency::Time> until = for_time ? std::optional(now_ + *for_time) : std::nullopt;
    EXPECT_EQ(decision.until, until);
  }
  // A model with one user.
  void bring_in(Residency::Id model, std::optional<KeepAlive> keep_alive = {}) {
    EXPECT_FALSE(residency_.request(model, keep_alive));
    expect(Kind::kLoad, model);
    residency_.loaded(model, now_, kBytes);
  }

  Residency residency_;
  Residency::Time now_ = Residency::Time{} + std::chrono::hours(1);
  Residency::Id a_ = residency_.add(minutes(5));
  Residency::Id b_ = residency_.add(minutes(5));
};

TEST_F(ResidencyTest, LoadsForTheFirstRequestAndLeavesSomeTimeAfterTheLast) {
  expect_wait();
  EXPECT_FALSE(residency_.request(a_, {}));
  EXPECT_FALSE(residency_.request(a_, {}));
  expect(Kind::kLoad, a_);
  EXPECT_FALSE(residency_.request(a_, {}));  // while it is loaded
  expect_wait();
  residency_.loaded(a_, now_, kBytes);
  EXPECT_EQ(residency_.n_users(a_), 3u);
  EXPECT_TRUE(residency_.request(a_, {}));
  for (int i = 0; i < 4; ++i) {
    expect_wait();
    residency_.release(a_, now_);
  }
  expect_wait(minutes(5));
  now_ += minutes(4);
  EXPECT_TRUE(residency_.request(a_, {}));
  now_ += minutes(4);
  residency_.release(a_, now_);
  expect_wait(minutes(5));
  now_ += minutes(5);
  expect(Kind::kUnload, a_);
  EXPECT_FALSE(residency_.present(a_));
  residency_.unloaded(a_);
  expect_wait();
}

TEST_F(ResidencyTest, ARequestsKeepAliveHoldsUntilAnotherOne) {
  bring_in(a_, seconds(10));
  residency_.release(a_, now_);
  expect_wait(seconds(10));
  EXPECT_TRUE(residency_.request(a_, {}));
  residency_.release(a_, now_);
  expect_wait(seconds(10));
  EXPECT_TRUE(residency_.request(a_, kKeepForever));
  residency_.release(a_, now_);
  expect_wait();
  EXPECT_FALSE(residency_.expiry(a_, now_));
  EXPECT_TRUE(residency_.request(a_, KeepAlive(0)));
  expect_wait();  // in use
  residency_.release(a_, now_);
  expect(Kind::kUnload, a_);
  residency_.unloaded(a_);

  bring_in(a_);  // the default again
  residency_.release(a_, now_);
  expect_wait(minutes(5));
}

TEST_F(ResidencyTest, DismissedWhileInUseLeavesAfterTheLastRequest) {
  residency_.dismiss(a_);  // not there: nothing to do
  bring_in(a_, kKeepForever);
  residency_.dismiss(a_);
  expect_wait();
  EXPECT_TRUE(residency_.request(a_, {}));
  residency_.release(a_, now_);
  expect_wait();
  residency_.release(a_, now_);
  expect(Kind::kUnload, a_);

  // A request that comes while it leaves brings it back, with the default time.
  EXPECT_FALSE(residency_.request(a_, {}));
  expect_wait();
  residency_.unloaded(a_);
  expect(Kind::kLoad, a_);
  residency_.loaded(a_, now_, kBytes);
  residency_.release(a_, now_);
  expect_wait(minutes(5));
}

TEST_F(ResidencyTest, ModelsAreLoadedInTheOrderOfTheirRequests) {
  EXPECT_FALSE(residency_.request(b_, {}));
  EXPECT_FALSE(residency_.request(a_, {}));
  EXPECT_FALSE(residency_.request(b_, {}));
  EXPECT_EQ(residency_.n_waiting(), 3u);
  expect(Kind::kLoad, b_);
  residency_.load_failed(b_);
  EXPECT_EQ(residency_.n_waiting(), 1u);
  expect(Kind::kLoad, a_);
  residency_.abandon(a_);
  residency_.loaded(a_, now_, kBytes);
  EXPECT_EQ(residency_.n_users(a_), 0u);
  expect_wait(minutes(5));
}

TEST_F(ResidencyTest, NobodyWaitsSoNothingIsLoaded) {
  EXPECT_FALSE(residency_.request(a_, {}));
  residency_.abandon(a_);
  expect_wait();
}

TEST_F(ResidencyTest, ShortMemoryLetsTheLongestIdleGo) {
  const Residency::Id c = residency_.add(minutes(5));
  bring_in(b_, kKeepForever);
  residency_.release(b_, now_);
  now_ += seconds(1);
  bring_in(a_);
  residency_.release(a_, now_);
  now_ += seconds(1);

  EXPECT_FALSE(residency_.request(c, {}));
  expect(Kind::kLoad, c);
  residency_.short_of_memory(c, 50);
  expect(Kind::kUnload, b_);
  residency_.unloaded(b_);
  expect(Kind::kLoad, c);
  residency_.short_of_memory(c, 50);
  expect(Kind::kUnload, a_);
  residency_.unloaded(a_);
  expect(Kind::kLoad, c);
  residency_.short_of_memory(c, 50);
  expect(Kind::kGiveUp, c);  // alone, and still too large
  residency_.load_failed(c);
  expect_wait();
}

TEST_F(ResidencyTest, WhatNeverFitsSendsNobodyAway) {
  bring_in(a_);
  residency_.release(a_, now_);
  now_ += seconds(10);
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
  residency_.short_of_memory(b_, kBytes + 1);
  expect(Kind::kGiveUp, b_);
  EXPECT_TRUE(residency_.present(a_));
}

TEST_F(ResidencyTest, SizeWeighsAgainstAge) {
  const Residency::Id wanting = residency_.add(minutes(5));
  const auto bring = [&](Residency::Id id, uint64_t bytes) {
    EXPECT_FALSE(residency_.request(id, kKeepForever));
    expect(Kind::kLoad, id);
    residency_.loaded(id, now_, bytes);
    residency_.release(id, now_);
  };
  const auto victim = [&](uint64_t missing) {
    EXPECT_FALSE(residency_.request(wanting, {}));
    expect(Kind::kLoad, wanting);
    residency_.short_of_memory(wanting, missing);
    const Residency::Decision decision = residency_.decide(now_);
    EXPECT_EQ(decision.kind, Kind::kUnload);
    residency_.unloaded(decision.model);
    residency_.abandon(wanting);
    bring(decision.model, decision.model == a_ ? 12 : 1);
    return decision.model;
  };
  bring(a_, 12);  // large
  now_ += seconds(50);
  bring(b_, 1);  // small, and used later
  now_ += seconds(10);
  EXPECT_EQ(victim(1), b_);  // either would do: the small one is back soon
  now_ += seconds(10);
  EXPECT_EQ(victim(10), a_);  // the small one would not be enough, nor help
  now_ += seconds(3600);
  EXPECT_EQ(victim(13), b_);  // both are needed: the small one goes first
}

TEST_F(ResidencyTest, AModelThatWasJustUsedLingers) {
  bring_in(a_, kKeepForever);
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
  residency_.short_of_memory(b_, 1);
  residency_.release(a_, now_);
  EXPECT_EQ(residency_.decide(now_).until, now_ + kPace.linger);
  now_ += kPace.linger / 2;
  EXPECT_TRUE(residency_.request(a_, {}));  // the next request of somebody's
  residency_.release(a_, now_);
  EXPECT_EQ(residency_.decide(now_).until, now_ + kPace.linger);
  now_ += kPace.linger;
  expect(Kind::kUnload, a_);
}

TEST_F(ResidencyTest, AfterItsTurnAModelInUseTakesNoNewRequests) {
  bring_in(a_, kKeepForever);
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
  residency_.short_of_memory(b_, 1);
  expect_wait(kPace.turn);
  EXPECT_TRUE(residency_.request(a_, {}));  // within its turn
  now_ += kPace.turn;
  expect_wait();
  EXPECT_FALSE(residency_.request(a_, {}));  // waits for its next turn
  residency_.release(a_, now_);
  expect_wait();  // still answering
  residency_.release(a_, now_);
  expect(Kind::kUnload, a_);
  residency_.unloaded(a_);
  expect(Kind::kLoad, b_);
  residency_.loaded(b_, now_, kBytes);
  expect(Kind::kLoad, a_);
}

TEST_F(ResidencyTest, AClosedModelOpensAgainWhenNobodyNeedsItsRoom) {
  bring_in(a_, kKeepForever);
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
  residency_.short_of_memory(b_, 1);
  now_ += kPace.turn;
  expect_wait();
  EXPECT_FALSE(residency_.open(a_));
  EXPECT_FALSE(residency_.request(a_, {}));
  residency_.abandon(b_);
  expect(Kind::kAdmit, a_);
  residency_.admitted(a_);
  EXPECT_EQ(residency_.n_users(a_), 2u);
  EXPECT_TRUE(residency_.open(a_));
}

TEST_F(ResidencyTest, OnceNobodyWaitsAShortageIsForgotten) {
  bring_in(a_, kKeepForever);
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
  residency_.short_of_memory(b_, 1);
  residency_.abandon(b_);
  residency_.release(a_, now_);
  expect_wait();  // a_ stays
  EXPECT_FALSE(residency_.request(b_, {}));
  expect(Kind::kLoad, b_);
}

// Twenty clients that ask again 10 ms after each answer, three models, memory for one of them.
TEST(Residency, ClientsOfManyModelsShareTheRoomByTurns) {
  using std::chrono::milliseconds;
  constexpr int kClients = 20, kRequests = 30;
  constexpr milliseconds kAnswer{300}, kThinks{10}, kLoad{1500};
  Residency residency;
  std::vector<Residency::Id> models;
  for (int i = 0; i < 3; ++i) models.push_back(residency.add(minutes(5)));
  struct Client {
    enum { kThinking, kWaiting, kAnswering } state = kThinking;
    Residency::Time next{};
    int n_answered = 0;
    Residency::Time asked{};
  };
  std::vector<Client> clients(kClients);
  std::optional<Residency::Id> resident, loading;
  Residency::Time now = Residency::Time{} + std::chrono::hours(1), loaded_at{};
  const Residency::Time start = now;
  for (Client& client : clients) client.next = now;
  int n_loads = 0;
  Residency::Time::duration longest_wait{};
  const auto done = [&] {
    return std::all_of(clients.begin(), clients.end(),
                       [](const Client& c) { return c.n_answered == kRequests; });
  };
  for (; !done() && now < start + minutes(30); now += milliseconds(1)) {
    for (int i = 0; i < kClients; ++i) {
      Client& client = clients[static_cast<size_t>(i)];
      const Residency::Id model = models[static_cast<size_t>(i) % 3];
      if (client.state == Client::kAnswering && now >= client.next) {
        residency.release(model, now);
        client.next = now + kThinks;
        client.state = Client::kThinking;
        ++client.n_answered;
      } else if (client.state == Client::kThinking && now >= client.next && client.n_answered < kRequests) {
        client.asked = now;
        const bool begins = residency.request(model, {});
        client.state = begins ? Client::kAnswering : Client::kWaiting;
        client.next = now + kAnswer;
      }
    }
    if (loading && now >= loaded_at) {
      residency.loaded(*loading, now, 1);
      resident = std::exchange(loading, std::nullopt);
      for (size_t i = 0; i < clients.size(); ++i) {
        if (clients[i].state != Client::kWaiting || models[i % 3] != *resident) continue;
        longest_wait = std::max(longest_wait, now - clients[i].asked);
        clients[i].state = Client::kAnswering;
        clients[i].next = now + kAnswer;
      }
    }
    if (loading) continue;
    const Residency::Decision decision = residency.decide(now);
    ASSERT_NE(decision.kind, Kind::kGiveUp);
    ASSERT_NE(decision.kind, Kind::kAdmit);
    if (decision.kind == Kind::kUnload) {
      ASSERT_EQ(residency.n_users(decision.model), 0u);
      resident.reset();
      residency.unloaded(decision.model);
    } else if (decision.kind == Kind::kLoad) {
      if (resident) {
        residency.short_of_memory(decision.model, 1);
      } else {
        ++n_loads;
        loading = decision.model;
        loaded_at = now + kLoad;
      }
    }
  }
  EXPECT_TRUE(done());
  // A client's 30 requests take 9.3 s of its model's turns of 5 s: two turns a model, and one to end in.
  EXPECT_LE(n_loads, 9);
  EXPECT_LE(longest_wait, seconds(16));
}

TEST_F(ResidencyTest, TimesBeyondTheClockAreForGood) {
  bring_in(a_, KeepAlive::max() - KeepAlive(1));
  residency_.release(a_, now_);
  expect_wait();
  EXPECT_FALSE(residency_.expiry(a_, now_));
}

}  // namespace
}  // namespace hearth::serving
