/* A CUDA driver that locks nothing, and whose GPU's memory is the host's: it counts what it is
   asked for, and fails where it is told to. For tests; the calls are those that core/cuda_host.cpp
   declares. */
#include <stdlib.h>
#include <string.h>

static const char* failing = "";
static int retained, released, pushed, popped, registered, unregistered, copied;
static void* device_memory;
static size_t device_bytes;

/* The call that fails from now on, by its name in the manual; none for "". Resets the counts. */
void fakeCudaFail(const char* call) {
  failing = call;
  retained = released = pushed = popped = registered = unregistered = copied = 0;
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

int fakeCudaCopied(void) {
  return copied;
}
int fakeCudaAllocated(void) {
  return device_memory != NULL;
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

int cuMemAlloc_v2(unsigned long long* memory, size_t bytes) {
  if (pushed != popped + 1 || device_memory != NULL) return 1;
  if (result("cuMemAlloc") != 0) return 2;
  device_memory = malloc(bytes);
  device_bytes = bytes;
  *memory = (unsigned long long)device_memory;
  return device_memory == NULL ? 2 : 0;
}

int cuMemFree_v2(unsigned long long memory) {
  if ((void*)memory != device_memory || pushed != popped + 1) return 1;
  free(device_memory);
  device_memory = NULL;
  return 0;
}

int cuMemcpyHtoD_v2(unsigned long long to, const void* from, size_t bytes) {
  if ((void*)to != device_memory || bytes > device_bytes || pushed != popped + 1) return 1;
  if (result("cuMemcpyHtoD") != 0) return 2;
  memcpy(device_memory, from, bytes);
  ++copied;
  return 0;
}

int cuCtxSynchronize(void) {
  return pushed != popped + 1 ? 1 : result("cuCtxSynchronize");
}

int cuGetErrorString(int error, const char** text) {
  *text = error == 2 ? "out of memory" : "invalid argument";
  return 0;
}
