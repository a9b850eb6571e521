#include "core/resize.hpp"

#include <vector>

#include "check.hpp"
#include "resize_cases.hpp"
#include "samples.hpp"

using lungcls::Interpolation;
using lungcls::kChannels;
using lungcls::ResizePlan;
using lungcls::test::hashOf;
using lungcls::test::kAreaCases;
using lungcls::test::kResizeCases;
using lungcls::test::noise;
using lungcls::test::ResizeCase;

namespace {

std::vector<std::uint8_t> resized(ResizePlan& plan, const ResizeCase& sizes,
                                  Interpolation interpolation = Interpolation::Linear) {
  const auto from =
      noise(static_cast<std::size_t>(sizes.fromWidth) * sizes.fromHeight * kChannels, sizes.seed);
  std::vector<std::uint8_t> to(static_cast<std::size_t>(sizes.toWidth) * sizes.toHeight *
                               kChannels);
  plan.prepare(sizes.fromWidth, sizes.fromHeight, sizes.toWidth, sizes.toHeight, interpolation);
  plan.run(from.data(), to.data());
  return to;
}

std::string shapeOf(const ResizeCase& sizes) {
  return std::to_string(sizes.fromWidth) + " x " + std::to_string(sizes.fromHeight) + " to " +
         std::to_string(sizes.toWidth) + " x " + std::to_string(sizes.toHeight);
}

}  // namespace

TEST("resize: every shape gives OpenCV's bytes, with one plan reused") {
  ResizePlan plan;
  for (const auto& sizes : kResizeCases) {
    CHECK_NOTE(hashOf(resized(plan, sizes)) == sizes.hash, shapeOf(sizes));
    // Again with the same plan: what it has kept must not show.
    CHECK_NOTE(hashOf(resized(plan, sizes)) == sizes.hash, shapeOf(sizes) + ", again");
  }
}

TEST("resize: every shape gives OpenCV's bytes for area, with one plan reused") {
  ResizePlan plan;
  for (const auto& sizes : kAreaCases) {
    CHECK_NOTE(hashOf(resized(plan, sizes, Interpolation::Area)) == sizes.hash, shapeOf(sizes));
    CHECK_NOTE(hashOf(resized(plan, sizes, Interpolation::Area)) == sizes.hash,
               shapeOf(sizes) + ", again");
  }
}

TEST("resize: a white image stays white, however many rows become one") {
  ResizePlan plan;
  for (const int rows : {256, 257, 258, 300, 4000}) {
    const std::vector<std::uint8_t> from(4UL * rows * kChannels, 255);
    std::vector<std::uint8_t> to(2UL * kChannels);
    plan.prepare(4, rows, 2, 1, Interpolation::Area);
    plan.run(from.data(), to.data());
    for (const auto got : to) CHECK(got == 255);
  }
}

TEST("resize: a plan kept from the other interpolation is made anew") {
  ResizePlan plan;
  ResizePlan fresh;
  const ResizeCase sizes{50, 50, 17, 25, 3, 0};
  const auto linear = resized(plan, sizes);
  const auto area = resized(plan, sizes, Interpolation::Area);
  CHECK(area == resized(fresh, sizes, Interpolation::Area));
  CHECK(area != linear);
  CHECK(resized(plan, sizes) == linear);
}

TEST("resize: a plan kept from another image does not show its rows") {
  ResizePlan plan;
  const ResizeCase first{20, 20, 33, 33, 1, 0};
  const ResizeCase second{20, 20, 33, 33, 2, 0};
  resized(plan, first);
  const auto reused = resized(plan, second);
  ResizePlan fresh;
  CHECK(reused == resized(fresh, second));
}

TEST("resize: a flat image stays flat, up to OpenCV's own rounding") {
  ResizePlan plan;
  for (int value = 0; value < 256; ++value) {
    const std::vector<std::uint8_t> from(10UL * 10 * kChannels, static_cast<std::uint8_t>(value));
    std::vector<std::uint8_t> to(17UL * 17 * kChannels);
    plan.prepare(10, 10, 17, 17);
    plan.run(from.data(), to.data());
    for (const auto got : to) CHECK(got == value || got == value - 1);
  }
}
