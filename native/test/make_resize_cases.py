"""Writes resize_cases.hpp: what OpenCV's resize(INTER_LINEAR) and (INTER_AREA) make of pseudo-random
RGB pixels.

    python make_resize_cases.py > resize_cases.hpp

Made with opencv-python-headless 5.0.0.93; needs numpy. The pixels are those of Noise in samples.hpp.
"""

import cv2
import numpy as np

MASK = 0xFFFFFFFF
SHAPES = [
    (1, 1, 1, 1), (1, 1, 7, 5), (2, 1, 1, 3), (1, 9, 4, 2), (2, 2, 1, 1), (4, 6, 2, 3), (6, 4, 2, 4),
    (9, 9, 3, 3), (12, 8, 4, 4), (15, 9, 3, 3), (16, 16, 16, 16), (16, 16, 16, 15), (5, 7, 31, 29),
    (100, 80, 25, 20), (101, 53, 40, 41), (224, 224, 256, 256), (64, 48, 127, 95), (33, 65, 32, 64),
    (255, 1, 256, 1), (1, 255, 1, 100), (300, 7, 3, 70), (48, 48, 47, 49), (96, 96, 32, 32),
]  # fmt: skip
# Whole factors, equal and not; 49, whose reciprocal's reciprocal is no whole number; a fraction on one
# axis or both; a share below a thousandth; growing on one axis or both.
AREA_SHAPES = SHAPES + [
    (60, 40, 20, 10), (98, 49, 2, 1), (147, 98, 3, 2), (50, 50, 17, 25), (256, 256, 224, 224), (77, 31, 76, 31),
    (2001, 3, 2, 1), (40, 30, 80, 90), (40, 30, 60, 20), (31, 64, 10, 128), (7, 7, 1, 1), (5, 200, 5, 3),
]  # fmt: skip


def noise(count, seed):
    values = np.empty(count, dtype=np.uint8)
    for i in range(count):
        seed = (seed * 1664525 + 1013904223) & MASK
        values[i] = seed >> 24
    return values


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


print("// Written by make_resize_cases.py; do not edit.")
print("#pragma once\n\n#include <cstdint>\n\nnamespace lungcls::test {\n")
print("// The FNV-1a hash of what OpenCV makes of noise(fromWidth * fromHeight * 3, seed).")
print("struct ResizeCase {")
print("  int fromWidth, fromHeight, toWidth, toHeight;\n  std::uint32_t seed;\n  std::uint64_t hash;\n};\n")
for name, shapes, interpolation in [
    ("kResizeCases", SHAPES, cv2.INTER_LINEAR),
    ("kAreaCases", AREA_SHAPES, cv2.INTER_AREA),
]:
    print(f"constexpr ResizeCase {name}[] = {{")
    for seed, (fw, fh, tw, th) in enumerate(shapes, 1):
        image = noise(fw * fh * 3, seed).reshape(fh, fw, 3)
        out = cv2.resize(image, (tw, th), interpolation=interpolation)
        print(f"    {{{fw}, {fh}, {tw}, {th}, {seed}, 0x{fnv1a(out.tobytes()):016x}ULL}},")
    print("};\n")
print("}  // namespace lungcls::test")
