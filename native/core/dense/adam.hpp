// Adam's step for a run of weights, compiled once for each kind of CPU.
#pragma once

#include <cstddef>
#include <span>

namespace lungcls::dense {

// Keras's numbers (keras/src/optimizers/adam.py), each rounded to float32.
struct AdamStep {
  float alpha = 0;  // learning rate sqrt(1 - beta2^t) / (1 - beta1^t)
  float oneMinusBeta1 = 0;
  float oneMinusBeta2 = 0;
  float epsilon = 0;
};

struct AdamKernel {
  const char* name;
  // m += (g - m) (1 - beta1); v += (g g - v) (1 - beta2); w -= m alpha / (sqrt(v) + epsilon),
  // every operation rounded to float32 by itself: the same bits on every CPU.
  void (*apply)(const AdamStep& step, std::size_t count, const float* gradient, float* value,
                float* momentum, float* velocity);
};

// Those compiled in that this machine can run, best first.
std::span<const AdamKernel> supportedAdamKernels();

}  // namespace lungcls::dense
