#include "inverse_dct.hpp"

namespace lungcls::jpeg_sparse {
namespace {

// The constants of Loeffler, Ligtenberg and Moschytz's DCT in 13 fractional bits, as in jidctint.c:
// round(x * 8192).
constexpr int kFix0_298631336 = 2446;
constexpr int kFix0_390180644 = 3196;
constexpr int kFix0_541196100 = 4433;
constexpr int kFix0_765366865 = 6270;
constexpr int kFix0_899976223 = 7373;
constexpr int kFix1_175875602 = 9633;
constexpr int kFix1_501321110 = 12299;
constexpr int kFix1_847759065 = 15137;
constexpr int kFix1_961570560 = 16069;
constexpr int kFix2_053119869 = 16819;
constexpr int kFix2_562915447 = 20995;
constexpr int kFix3_072711026 = 25172;

using Column = std::array<int, 8>;

// One 1-D transform in that algorithm's own order of operations, without rounding.
Column transform(const Column& in) {
  // Even part.
  const int rotated = (in[2] + in[6]) * kFix0_541196100;
  const int even2 = rotated - in[6] * kFix1_847759065;
  const int even3 = rotated + in[2] * kFix0_765366865;
  const int even0 = (in[0] + in[4]) * 8192;
  const int even1 = (in[0] - in[4]) * 8192;
  const Column even = {even0 + even3, even1 + even2, even1 - even2, even0 - even3};

  // Odd part.
  const int z5 = (in[7] + in[3] + in[5] + in[1]) * kFix1_175875602;
  const int z1 = -(in[7] + in[1]) * kFix0_899976223;
  const int z2 = -(in[5] + in[3]) * kFix2_562915447;
  const int z3 = z5 - (in[7] + in[3]) * kFix1_961570560;
  const int z4 = z5 - (in[5] + in[1]) * kFix0_390180644;
  const Column odd = {in[1] * kFix1_501321110 + z1 + z4, in[3] * kFix3_072711026 + z2 + z3,
                      in[5] * kFix2_053119869 + z2 + z4, in[7] * kFix0_298631336 + z1 + z3};

  Column out;
  for (int i = 0; i < 4; ++i) {
    out[i] = even[i] + odd[i];
    out[7 - i] = even[i] - odd[i];
  }
  return out;
}

}  // namespace

DctMatrix makeDctMatrix() {
  DctMatrix matrix;
  for (int k = 0; k < 8; ++k) {
    Column unit{};
    unit[k] = 1;
    const Column out = transform(unit);
    for (int j = 0; j < 8; ++j) matrix[j][k] = static_cast<std::int16_t>(out[j]);
  }
  return matrix;
}

void Dequantizer::set(const QuantSpec& quant) {
  constexpr auto order = makePairOrder();
  for (int i = 0; i < kBlockSize; ++i) {
    const int step = quant.steps[order[i]];
    steps[i] = static_cast<std::int16_t>(step);
    limits[i] = static_cast<std::uint16_t>(step == 0 ? 0xFFFF : kExactBound / step);
  }
}

}  // namespace lungcls::jpeg_sparse
