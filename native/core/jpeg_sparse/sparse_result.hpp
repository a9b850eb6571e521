#pragma once

#include <cstdint>

namespace lungcls::jpeg_sparse {

enum class SparseResult : std::uint8_t {
  Ok,        // the pixels are there, and libjpeg-turbo would have given no warning
  NotTaken,  // a kind of JPEG that is not handled here: progressive, CMYK, turned by EXIF, ...
  Damaged,   // something is irregular: libjpeg-turbo decides what it is, and on the pixels
};

}  // namespace lungcls::jpeg_sparse
