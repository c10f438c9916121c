// Loading and leaving with threads: a fake model whose loads a test lets pass one by one.
#include "serving/model_keeper.h"

#include <gtest/gtest.h>

#include <deque>
#include <future>
#include <semaphore>

namespace hearth::serving {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kPatience{20};

class FakeModel : public ResidentModel {
 public:
  explicit FakeModel(std::promise<void> gone) : gone_(std::move(gone)) {}
  ~FakeModel() override { gone_.set_value(); }

  Status generate(GenerationRequest, TokenWriter) override { return {}; }
  Status embed(EmbeddingRequest, TokenWriter) override { return {}; }
  Status rank(RankRequest, TokenWriter) override { return {}; }
  LoadedModelState state() const override { return {}; }
  uint64_t planned_bytes() const override { return 1; }
  std::optional<Error> failure() const override { return {}; }
  void shut_down(milliseconds) override {}

 private:
  std::promise<void> gone_;
};

// Loads of one model: each waits for let_through().
class FakeLoads {
 public:
  ModelKeeper::Loader loader() {
    return [this](const std::atomic<bool>&) -> ModelKeeper::Loaded {
      begun_.release();
      passes_.acquire();
      std::lock_guard lock(mutex_);
      if (failure_) return tl::unexpected(*std::exchange(failure_, std::nullopt));
      std::promise<void> gone;
      gone_.push_back(gone.get_future());
      return std::make_shared<FakeModel>(std::move(gone));
    };
  }
  bool wait_for_load() { return begun_.try_acquire_for(kPatience); }
  void let_through() { passes_.release(); }
  void fail_next(LoadFailure failure) {
    std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  // Whether the n-th model loaded has been let go.
  bool wait_until_gone(size_t n) {
    std::unique_lock lock(mutex_);
    std::future<void>& gone = gone_.at(n);
    lock.unlock();
    return gone.wait_for(kPatience) == std::future_status::ready;
  }
  size_t n_loaded() {
    std::lock_guard lock(mutex_);
    return gone_.size();
  }

 private:
  std::counting_semaphore<> begun_{0};
  std::counting_semaphore<> passes_{0};
  std::mutex mutex_;
  std::optional<LoadFailure> failure_;
  std::deque<std::future<void>> gone_;
};

// One request: its use of the model, now or later.
class Request {
 public:
  Request(ModelKeeper& keeper, ModelKeeper::Id id, std::optional<KeepAlive> keep_alive = {},
          const std::string& owner = {})
      : ticket_(keeper.new_ticket()) {
    const auto promise = std::make_shared<std::promise<Result<ModelUse>>>();
    future_ = promise->get_future();
    auto now = keeper.acquire(id, keep_alive, owner, ticket_,
                              [promise](Result<ModelUse> use) { promise->set_value(std::move(use)); });
    if (!now) {
      promise->set_value(propagate(now.error()));
    } else if (*now) {
      promise->set_value(std::move(**now));
    }
  }
  Result<ModelUse> wait() {
    if (future_.wait_for(kPatience) != std::future_status::ready)
      return fail(ErrorCategory::kInternal, "nothing came");
    return future_.get();
  }
  bool abandon() { return ticket_.abandon(); }

 private:
  ModelKeeper::Ticket ticket_;
  std::future<Result<ModelUse>> future_;
};

class ModelKeeperTest : public ::testing::Test {
 protected:
  FakeLoads a_loads_, b_loads_;
  ModelKeeper keeper_{3};
  ModelKeeper::Id a_ = keeper_.add(kKeepForever, a_loads_.loader());
  ModelKeeper::Id b_ = keeper_.add(kKeepForever, b_loads_.loader());
};

TEST_F(ModelKeeperTest, RequestsWaitForOneLoadAndLaterOnesDoNotWait) {
  Request first(keeper_, a_), second(keeper_, a_);
  ASSERT_TRUE(a_loads_.wait_for_load());
  Request third(keeper_, a_, {}, "somebody else");
  EXPECT_TRUE(keeper_.residents().empty());
  a_loads_.let_through();
  for (Request* request : {&first, &second, &third}) {
    const auto use = request->wait();
    ASSERT_TRUE(use);
    EXPECT_GT(use->load_ms, 0);
  }
  const auto later = Request(keeper_, a_).wait();
  ASSERT_TRUE(later);
  EXPECT_EQ(later->load_ms, 0);
  EXPECT_EQ(a_loads_.n_loaded(), 1u);
  ASSERT_EQ(keeper_.residents().size(), 1u);
  EXPECT_FALSE(keeper_.residents()[0].leaves_in);
}

TEST_F(ModelKeeperTest, LeavesWhenTheLastUseIsOver) {
  a_loads_.let_through();
  auto use = Request(keeper_, a_, KeepAlive(0)).wait();
  ASSERT_TRUE(use);
  use->model.reset();
  EXPECT_TRUE(keeper_.present(a_));
  use->hold.reset();
  EXPECT_TRUE(a_loads_.wait_until_gone(0));

  a_loads_.let_through();  // and comes back
  EXPECT_TRUE(Request(keeper_, a_).wait());
  EXPECT_EQ(a_loads_.n_loaded(), 2u);
}

TEST_F(ModelKeeperTest, LeavesWhenItsTimeIsOver) {
  a_loads_.let_through();
  ASSERT_TRUE(Request(keeper_, a_, milliseconds(1)).wait());
  EXPECT_TRUE(a_loads_.wait_until_gone(0));
}

TEST_F(ModelKeeperTest, DismissedLeaves) {
  a_loads_.let_through();
  ASSERT_TRUE(Request(keeper_, a_).wait());
  keeper_.dismiss(a_);
  EXPECT_TRUE(a_loads_.wait_until_gone(0));
}

TEST_F(ModelKeeperTest, AFailedLoadReachesAllThatWaitAndTheNextRequestTriesAgain) {
  a_loads_.fail_next({Error{ErrorCategory::kCorrupt, "torn"}});
  Request first(keeper_, a_), second(keeper_, a_);
  a_loads_.let_through();
  EXPECT_EQ(first.wait().error().message, "torn");
  EXPECT_EQ(second.wait().error().category, ErrorCategory::kCorrupt);
  a_loads_.let_through();
  EXPECT_TRUE(Request(keeper_, a_).wait());
}

TEST_F(ModelKeeperTest, AnAbandonedRequestHearsNothing) {
  Request stays(keeper_, a_), leaves(keeper_, a_);
  ASSERT_TRUE(a_loads_.wait_for_load());
  EXPECT_TRUE(leaves.abandon());
  EXPECT_FALSE(leaves.abandon());
  a_loads_.let_through();
  EXPECT_TRUE(stays.wait());
  EXPECT_FALSE(stays.abandon());
}

TEST_F(ModelKeeperTest, OnlySoManyWait) {
  Request first(keeper_, a_), second(keeper_, a_);
  EXPECT_EQ(Request(keeper_, a_).wait().error().category, ErrorCategory::kQueueFull);
  Request third(keeper_, b_, {}, "somebody else");
  EXPECT_EQ(Request(keeper_, a_, {}, "a third").wait().error().category, ErrorCategory::kQueueFull);
  EXPECT_EQ(keeper_.n_waiting(a_), 2u);
  EXPECT_EQ(keeper_.n_waiting(b_), 1u);
  a_loads_.let_through();
  b_loads_.let_through();
  EXPECT_TRUE(first.wait());
  EXPECT_TRUE(second.wait());
  EXPECT_TRUE(third.wait());
  EXPECT_EQ(keeper_.n_waiting(a_), 0u);
}

TEST_F(ModelKeeperTest, WhoLeavesTheQueueMakesRoomInIt) {
  Request first(keeper_, a_), second(keeper_, a_);
  EXPECT_TRUE(first.abandon());
  Request third(keeper_, a_);
  a_loads_.let_through();
  EXPECT_TRUE(second.wait());
  EXPECT_TRUE(third.wait());
}

TEST_F(ModelKeeperTest, AnIdleModelMakesRoom) {
  a_loads_.let_through();
  ASSERT_TRUE(Request(keeper_, a_).wait());
  b_loads_.fail_next({Error{ErrorCategory::kOverloaded, "no room"}, 1});
  b_loads_.let_through();
  b_loads_.let_through();
  EXPECT_TRUE(Request(keeper_, b_).wait());
  EXPECT_TRUE(a_loads_.wait_until_gone(0));
}

TEST_F(ModelKeeperTest, AModelInUseKeepsItsRoom) {
  a_loads_.let_through();
  auto use = Request(keeper_, a_).wait();
  ASSERT_TRUE(use);
  b_loads_.fail_next({Error{ErrorCategory::kOverloaded, "no room"}, 1});
  b_loads_.let_through();
  Request waits(keeper_, b_);
  ASSERT_TRUE(b_loads_.wait_for_load());
  EXPECT_TRUE(keeper_.present(a_));
  *use = {};
  b_loads_.let_through();
  EXPECT_TRUE(waits.wait());
  EXPECT_TRUE(a_loads_.wait_until_gone(0));
}

TEST_F(ModelKeeperTest, AModelThatNeverFitsIsAnError) {
  b_loads_.fail_next({Error{ErrorCategory::kOverloaded, "no room"}, 1});
  b_loads_.let_through();
  EXPECT_EQ(Request(keeper_, b_).wait().error().message, "no room");
}

TEST_F(ModelKeeperTest, ShuttingDownFailsThoseThatWait) {
  Request waits(keeper_, a_);
  ASSERT_TRUE(a_loads_.wait_for_load());
  keeper_.shut_down(milliseconds(0));
  EXPECT_EQ(waits.wait().error().category, ErrorCategory::kOverloaded);
  EXPECT_EQ(Request(keeper_, a_).wait().error().category, ErrorCategory::kOverloaded);
  a_loads_.let_through();
}

TEST(ModelKeeper, HoldsAndTicketsMayOutliveIt) {
  FakeLoads loads;
  std::optional<Request> request;
  Result<ModelUse> use = fail(ErrorCategory::kInternal, "none");
  {
    ModelKeeper keeper(3);
    const auto id = keeper.add(kKeepForever, loads.loader());
    loads.let_through();
    request.emplace(keeper, id);
    use = request->wait();
  }
  ASSERT_TRUE(use);
  EXPECT_FALSE(request->abandon());
}

// Many requests, expiries and cancellations at once, for the thread sanitizer.
TEST(ModelKeeper, ManyAtOnce) {
  FakeLoads loads;
  for (int i = 0; i < 10'000; ++i) loads.let_through();
  ModelKeeper keeper(1000);
  const auto id = keeper.add(KeepAlive(0), loads.loader());
  std::atomic<int> n_served = 0;
  std::vector<std::thread> clients;
  for (int t = 0; t < 4; ++t) {
    clients.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        Request request(keeper, id);
        if (i % 3 == t % 3 && request.abandon()) continue;
        if (request.wait()) ++n_served;
        static_cast<void>(keeper.residents());
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_GE(n_served, 200);
}

}  // namespace
}  // namespace hearth::serving
