// The decoding of one image, advanced a stretch of blocks at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "entropy_decoder.hpp"
#include "huffman_table.hpp"
#include "inverse_dct.hpp"
#include "kernels.hpp"
#include "pixel_rows.hpp"
#include "plan.hpp"
#include "plan_cache.hpp"
#include "scan_bytes.hpp"
#include "sparse_decoder.hpp"

namespace lungcls::jpeg_sparse {

class ImageDecode {
 public:
  explicit ImageDecode(const Kernels& kernels) : kernels_(&kernels), rows_(kernels) {}

  // True if the image has been begun; else job.result is set.
  bool begin(SparseJob& job, HuffmanCache& tables, PlanCache& plans);

  // To be called when the entropy decoder has a stretch complete. Returns true if there is a
  // next one; else job.result is set.
  bool finishStretch();

  [[nodiscard]] EntropyDecoder& entropy() { return entropy_; }

 private:
  SparseResult prepare(const SparseJob& job, HuffmanCache& tables, PlanCache& plans);
  void layOutBlocks();
  void beginBatch();
  void beginStretch();
  void beginNextSegment();
  void addDcPredictions();
  // False if the result is not certain to be libjpeg-turbo's.
  bool transformBatch();
  bool transformBlockRow(int firstComponent, int components, int v);
  bool end(SparseResult result);  // always false

  // Those aligned to cache lines stand first, or there would be gaps before them.
  EntropyDecoder entropy_;
  std::array<Dequantizer, kMaxComponents> dequantizers_;

  const Kernels* kernels_;
  SparseJob* job_ = nullptr;
  std::shared_ptr<const Plan> plan_;
  FrameHeader header_;
  ScanBytes scan_;
  PixelRows rows_;
  std::array<std::shared_ptr<const HuffmanTables>, kMaxComponents> tables_;
  // Where the blocks stand among the coefficients of a batch: [row in MCU][block].
  std::array<std::vector<std::int32_t>, kMaxComponents> blockOffsets_;
  std::vector<EntropyDecoder::Tables> mcuTables_;
  std::vector<Octet> octets_;
  std::array<std::int16_t, kMaxComponents> dc_{};

  // A batch of MCUs of one row is transformed together. It is decoded in one stretch, or in several
  // if there are restart markers in it.
  int mcuRow_ = 0;
  int mcuColumn_ = 0;  // of the batch's first MCU
  int batchMcus_ = 0;
  int stretchBegin_ = 0;  // MCUs, in the batch
  int stretchEnd_ = 0;
  int untilRestart_ = 0;  // MCUs, from the beginning of the stretch
  std::size_t segment_ = 0;
};

}  // namespace lungcls::jpeg_sparse
