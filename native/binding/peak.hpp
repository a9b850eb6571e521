// What the machine can do at most, for JavaScript.
#pragma once

#include <napi.h>

namespace lungcls::binding {

// (threads, milliseconds each) -> Promise<{readGBs, copyGBs, fp32Gflops, fp32Code, int8Gops,
// int8Code}>; the last two are null where the CPU has no instructions for it. See
// core/machine_peak.hpp.
Napi::Value measurePeak(const Napi::CallbackInfo& info);

}  // namespace lungcls::binding
