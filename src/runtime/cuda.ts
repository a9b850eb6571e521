/** What an NVIDIA GPU needs to be used, looked up without loading anything. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** What fetches the CUDA libraries of ONNX Runtime. */
export const CUDA_COMMAND = 'npm run setup -- --cuda (or: npx lungcls-fast setup --cuda)';

/** Traces of the NVIDIA kernel driver: on Linux, and inside WSL 2. */
const DRIVER_TRACES = [
  '/proc/driver/nvidia/version',
  '/dev/nvidiactl',
  '/usr/lib/wsl/lib/libcuda.so.1',
];

export function hasNvidiaDriver(): boolean {
  return DRIVER_TRACES.some((path) => existsSync(path));
}

/** The folder of onnxruntime-node's binaries for this platform. */
export function onnxruntimeBinaries(): string {
  const main = require.resolve('onnxruntime-node/package.json');
  return join(dirname(main), 'bin', 'napi-v6', process.platform, process.arch);
}

/** Why ONNX Runtime's CUDA provider cannot work here, or undefined if it is worth a try. */
export function cudaProblem(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `onnxruntime-node has no CUDA provider for ${process.platform} ${process.arch}`;
  }
  if (!hasNvidiaDriver()) return 'no NVIDIA driver was found';
  if (!existsSync(join(onnxruntimeBinaries(), 'libonnxruntime_providers_cuda.so'))) {
    return `ONNX Runtime's CUDA libraries are not installed; to get them: ${CUDA_COMMAND}`;
  }
  return undefined;
}
