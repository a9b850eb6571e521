/** The thread of keras-apart.ts, which alone starts it. */
import { parentPort } from 'node:worker_threads';
import { LungclsError, messageOf } from '../errors.js';
import type { KerasReply, KerasRequest } from './keras-apart.js';
import { readKerasFile } from './keras-file.js';

async function read({ bytes, what }: KerasRequest): Promise<KerasReply> {
  try {
    return { tensors: await readKerasFile(bytes, what) };
  } catch (error) {
    return { message: messageOf(error), isOurs: error instanceof LungclsError };
  }
}

parentPort?.on('message', (request: KerasRequest) => {
  void read(request).then((reply) => {
    const buffers =
      'tensors' in reply ? [...reply.tensors.values()].map(({ data }) => data.buffer) : [];
    const own = [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
    parentPort?.postMessage(reply, own);
  });
});
