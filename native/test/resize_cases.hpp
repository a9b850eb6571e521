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

constexpr ResizeCase kAreaCases[] = {
    {1, 1, 1, 1, 1, 0x70368918303614baULL},       {1, 1, 7, 5, 2, 0xbe1b8a0d424fd010ULL},
    {2, 1, 1, 3, 3, 0xd1724dd3fa28696aULL},       {1, 9, 4, 2, 4, 0xeb5755cf95b18109ULL},
    {2, 2, 1, 1, 5, 0xd307f91b3d9fcbe3ULL},       {4, 6, 2, 3, 6, 0x3093acce7f45f787ULL},
    {6, 4, 2, 4, 7, 0x1a70ade290c7f367ULL},       {9, 9, 3, 3, 8, 0x12537ff8fd584b24ULL},
    {12, 8, 4, 4, 9, 0x0d21f08fbd3826d9ULL},      {15, 9, 3, 3, 10, 0x379c4452bf81b371ULL},
    {16, 16, 16, 16, 11, 0x54fb6de428c7d903ULL},  {16, 16, 16, 15, 12, 0x1e624de2ba8eb855ULL},
    {5, 7, 31, 29, 13, 0x7f823f39f32d5852ULL},    {100, 80, 25, 20, 14, 0x8c46a489522ab8aeULL},
    {101, 53, 40, 41, 15, 0x799408f29e462b96ULL}, {224, 224, 256, 256, 16, 0x440b047ad5c0522dULL},
    {64, 48, 127, 95, 17, 0x52675d20a13bf9f6ULL}, {33, 65, 32, 64, 18, 0x5834d246102098f4ULL},
    {255, 1, 256, 1, 19, 0x4b5d431e5cf855acULL},  {1, 255, 1, 100, 20, 0x563b45a5fd565e86ULL},
    {300, 7, 3, 70, 21, 0x3f814221c9f4ba07ULL},   {48, 48, 47, 49, 22, 0xb68bd158280f328bULL},
    {96, 96, 32, 32, 23, 0xb5d49f1bcc585ae9ULL},  {60, 40, 20, 10, 24, 0x788c07144ed805f4ULL},
    {98, 49, 2, 1, 25, 0xa36930cad397bfecULL},    {147, 98, 3, 2, 26, 0x0b770a667e32a059ULL},
    {50, 50, 17, 25, 27, 0x699da56f55a07aa9ULL},  {256, 256, 224, 224, 28, 0x1b51495be34fb5afULL},
    {77, 31, 76, 31, 29, 0xd0ed65caa0fe22e0ULL},  {2001, 3, 2, 1, 30, 0x59a2fad80c376863ULL},
    {40, 30, 80, 90, 31, 0xdb74eacdfc2367b5ULL},  {40, 30, 60, 20, 32, 0xe60e33896ea994bcULL},
    {31, 64, 10, 128, 33, 0xf98b2798e243d67dULL}, {7, 7, 1, 1, 34, 0x57880e1af70a5d2eULL},
    {5, 200, 5, 3, 35, 0xc45acca624000aebULL},
};

}  // namespace lungcls::test
