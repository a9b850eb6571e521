// Written by make_resize_cases.py; do not edit.
#pragma once

#include <cstdint>

namespace lungcls::test {

// The FNV-1a hash of what OpenCV makes of noise(fromWidth * fromHeight * 3, seed).
struct ResizeCase {
  int fromWidth, fromHeight, toWidth, toHeight;
  std::uint32_t seed;
  std::uint64_t hash;
};

constexpr ResizeCase kResizeCases[] = {
    {1, 1, 1, 1, 1, 0x70368918303614baULL},       {1, 1, 7, 5, 2, 0xbe1b8a0d424fd010ULL},
    {2, 1, 1, 3, 3, 0x7036578c26b163f6ULL},       {1, 9, 4, 2, 4, 0x1863125d4496e579ULL},
    {2, 2, 1, 1, 5, 0xd307f91b3d9fcbe3ULL},       {4, 6, 2, 3, 6, 0x3093acce7f45f787ULL},
    {6, 4, 2, 4, 7, 0x0cf9eeec965f17e4ULL},       {9, 9, 3, 3, 8, 0x0377b0ca177a288fULL},
    {12, 8, 4, 4, 9, 0x09270e1779cc3d76ULL},      {15, 9, 3, 3, 10, 0x778ab0872b232902ULL},
    {16, 16, 16, 16, 11, 0x54fb6de428c7d903ULL},  {16, 16, 16, 15, 12, 0xbb5fb2f113d0e1caULL},
    {5, 7, 31, 29, 13, 0x68f1229626f16cebULL},    {100, 80, 25, 20, 14, 0x7d78582a951139f2ULL},
    {101, 53, 40, 41, 15, 0x8789317601affe7bULL}, {224, 224, 256, 256, 16, 0xe4f4fa0217caf8dfULL},
    {64, 48, 127, 95, 17, 0x0e7e600c55d7463bULL}, {33, 65, 32, 64, 18, 0x0eeb2551867ee58fULL},
    {255, 1, 256, 1, 19, 0x8ed06ee69a3490c2ULL},  {1, 255, 1, 100, 20, 0x280320409d6de0baULL},
    {300, 7, 3, 70, 21, 0xc4eae8722545ffe3ULL},   {48, 48, 47, 49, 22, 0x7826b53152389ab1ULL},
    {96, 96, 32, 32, 23, 0x3cd516716d2ea27aULL},
};

}  // namespace lungcls::test
