// The bytes of one image source, for formats that TypeScript decodes.
#pragma once

#include <napi.h>

namespace lungcls::binding {

// (file, entry: Float64Array of 5, maxFileBytes) -> Promise<{status, message, bytes: Buffer}>
Napi::Value readSourceToJs(const Napi::CallbackInfo& info);

}  // namespace lungcls::binding
