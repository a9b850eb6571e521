// A queue for one lock's holder: a ring that only grows, so that in the steady state nothing is
// allocated (std::deque allocates and frees a block every few dozen elements that pass through).
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace lungcls {

template <typename Element>
class RingQueue {
 public:
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] Element& front() { return ring_[first_]; }
  // The one `index` places behind the front.
  [[nodiscard]] Element& at(std::size_t index) { return ring_[(first_ + index) % ring_.size()]; }

  void push(Element element) {
    if (count_ == ring_.size()) grow();
    ring_[(first_ + count_) % ring_.size()] = std::move(element);
    ++count_;
  }

  Element pop() {
    Element element = std::exchange(ring_[first_], Element{});
    first_ = (first_ + 1) % ring_.size();
    --count_;
    return element;
  }

  // Takes the last one back.
  void dropLast() {
    --count_;
    ring_[(first_ + count_) % ring_.size()] = Element{};
  }

 private:
  void grow() {
    std::vector<Element> larger(ring_.empty() ? 16 : ring_.size() * 2);
    for (std::size_t i = 0; i < count_; ++i) larger[i] = std::move(at(i));
    ring_ = std::move(larger);
    first_ = 0;
  }

  std::vector<Element> ring_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace lungcls
