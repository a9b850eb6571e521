// How fast this machine copies to its GPU, for JavaScript.
#pragma once

#include <napi.h>

namespace lungcls::binding {

// (cudaDriver, milliseconds each) -> Promise<{pinnedGBs, pageableGBs}>; rejected with what failed.
// See CudaHost::measureCopies.
Napi::Value measureGpuCopies(const Napi::CallbackInfo& info);

}  // namespace lungcls::binding
