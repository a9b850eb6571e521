import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { repositoryRoot } from '../fixtures/shared-data.js';

/** A module of scripts/, which are plain JavaScript. */
async function script<Module>(...path: string[]): Promise<Module> {
  const file = join(repositoryRoot, 'scripts', ...path);
  return (await import(pathToFileURL(file).href)) as Module;
}

interface Source {
  kind: 'download' | 'wheel';
  id: string;
  device: string;
  url?: string;
  sha256?: string;
  version?: string;
}

test('libtensorflow: best first, everything pinned', async (t) => {
  const { libtensorflowSources } = await script<{
    libtensorflowSources: (options: { gpu: boolean; system: string }) => Source[];
  }>('setup', 'libtensorflow-sources.mjs');
  const of = (system: string, gpu = false): Source[] => libtensorflowSources({ gpu, system });
  t.deepEqual(
    of('linux-x64', true).map(({ id }) => id),
    [
      ...['libtensorflow-gpu-2.9.1', 'libtensorflow-cpu-2.9.1'],
      ...['tensorflow-cpu-2.21.0', 'tensorflow-2.21.0'],
    ],
  );
  // Without a GPU its build is left out.
  t.false(of('linux-x64').some(({ device }) => device === 'gpu'));
  for (const system of ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64']) {
    t.true(of(system).length > 0, system);
    for (const source of of(system, true)) {
      if (source.kind === 'download') {
        t.regex(source.url ?? '', /^https:/);
        t.regex(source.sha256 ?? '', /^[0-9a-f]{64}$/);
      } else {
        t.truthy(source.version);
      }
    }
  }
  t.deepEqual(of('sunos-sparc'), []);
});

test('a download is there with the right hash, or not at all', async (t) => {
  const { download } = await script<{
    download: (url: string, path: string, sha256: string) => Promise<void>;
  }>('setup', 'download.mjs');
  const folder = await mkdtemp(join(tmpdir(), 'lungcls-download-'));
  const content = 'x'.repeat(200_000);
  const server = createServer((request, response) => {
    if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.slice(1000), () => response.destroy());
    } else if (request.url === '/file') {
      response.end(content);
    } else {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const path = join(folder, 'file');
  const hash = createHash('sha256').update(content).digest('hex');

  await t.throwsAsync(download(`${base}/file`, path, '0'.repeat(64)), { message: /has the hash/ });
  t.false(existsSync(path));
  await t.throwsAsync(download(`${base}/nothing`, path, hash), { message: /answered 404/ });
  await t.throwsAsync(download(`${base}/cut`, path, hash));
  t.false(existsSync(path));
  await download(`${base}/file`, path, hash);
  t.is(await readFile(path, 'utf8'), content);
});

test('a room imports from lower floors only', async (t) => {
  const { roomProblem } = await script<{
    roomProblem: (from: string, to: string) => string | undefined;
  }>('lint', 'rooms.mjs');
  for (const [from, to] of [
    ['cli', 'training'],
    ['training', 'network'],
    ['training', 'inference'],
    ['report', 'evaluation'],
    ['onnx', 'network'],
    ['dataset', 'imaging'],
    ['storage', 'errors.ts'],
    ['network', 'network'],
  ] as const) {
    t.is(roomProblem(from, to), undefined, `${from} -> ${to}`);
  }
  for (const [from, to] of [
    ['network', 'onnx'],
    ['imaging', 'dataset'],
    ['storage', 'runtime'],
    ['inference', 'training'],
    ['training', 'cli'],
    ['errors.ts', 'config.ts'],
    ['native', 'imaging'],
  ] as const) {
    t.regex(roomProblem(from, to) ?? '', /lower floors only/, `${from} -> ${to}`);
  }
  t.regex(roomProblem('cellar', 'cli') ?? '', /has no floor yet/);
});
