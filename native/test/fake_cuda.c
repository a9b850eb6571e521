/* A CUDA driver that locks nothing: it counts what it is asked for, and fails where it is told to.
   For tests; the calls are those that core/cuda_host.cpp declares. */
#include <stdlib.h>
#include <string.h>

static const char* failing = "";
static int retained, released, pushed, popped, registered, unregistered;

/* The call that fails from now on, by its name in the manual; none for "". Resets the counts. */
void fakeCudaFail(const char* call) {
  failing = call;
  retained = released = pushed = popped = registered = unregistered = 0;
}

int fakeCudaRetained(void) {
  return retained;
}
int fakeCudaReleased(void) {
  return released;
}
int fakeCudaPushed(void) {
  return pushed;
}
int fakeCudaPopped(void) {
  return popped;
}
int fakeCudaRegistered(void) {
  return registered;
}
int fakeCudaUnregistered(void) {
  return unregistered;
}

/* FAKE_CUDA_FAIL does the same for a process that cannot call. */
static int result(const char* call) {
  const char* other = getenv("FAKE_CUDA_FAIL");
  if (strcmp(call, failing) == 0) return 2;
  return other != NULL && strcmp(call, other) == 0 ? 2 : 0;
}

int cuInit(unsigned int flags) {
  return flags != 0 ? 1 : result("cuInit");
}

int cuDeviceGet(int* device, int ordinal) {
  *device = 7 + ordinal;
  return result("cuDeviceGet");
}

int cuDevicePrimaryCtxRetain(void** context, int device) {
  if (device != 7) return 1;
  *context = &retained;
  retained += result("cuDevicePrimaryCtxRetain") == 0;
  return result("cuDevicePrimaryCtxRetain");
}

int cuDevicePrimaryCtxRelease_v2(int device) {
  released += device == 7;
  return 0;
}

int cuCtxPushCurrent_v2(void* context) {
  if (context != &retained) return 1;
  pushed += result("cuCtxPushCurrent") == 0;
  return result("cuCtxPushCurrent");
}

int cuCtxPopCurrent_v2(void** context) {
  *context = &retained;
  ++popped;
  return 0;
}

int cuMemHostRegister_v2(void* memory, size_t bytes, unsigned int flags) {
  if (memory == NULL || bytes == 0 || flags != 1 || pushed != popped + 1) return 1;
  registered += result("cuMemHostRegister") == 0;
  return result("cuMemHostRegister");
}

int cuMemHostUnregister(void* memory) {
  if (memory == NULL || pushed != popped + 1) return 1;
  ++unregistered;
  return 0;
}

int cuGetErrorString(int error, const char** text) {
  *text = error == 2 ? "out of memory" : "invalid argument";
  return 0;
}
