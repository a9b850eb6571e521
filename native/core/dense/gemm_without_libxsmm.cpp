#include "gemm.hpp"

namespace lungcls::dense {

const LibxsmmGemm& libxsmmGemm() {
  static const LibxsmmGemm absent = {nullptr, "the addon was built without libxsmm"};
  return absent;
}

}  // namespace lungcls::dense
