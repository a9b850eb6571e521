/** Fetches a package's tarball through the user's own npm: registry, proxy, credentials and cache. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LungclsError, messageOf, readError } from '../errors.js';
import { throwIfAborted } from '../runtime/abort.js';

export interface NpmSource {
  readonly package: string;
  readonly version: string;
  /** Subresource integrity of the tarball, as in a lockfile: `sha512-<base64>`. */
  readonly integrity: string;
}

/**
 * The tarball's bytes, checked. `npm pack` of a registry package runs none of its scripts; once it
 * is in npm's cache it needs no network.
 * @param directory an empty folder for npm to write to
 * @throws LungclsError DOWNLOAD_FAILED | HASH_MISMATCH | ABORTED
 */
export async function fetchTarball(
  source: NpmSource,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const specifier = `${source.package}@${source.version}`;
  throwIfAborted(signal);
  await runNpm(
    ['pack', specifier, '--ignore-scripts', '--prefer-offline', '--pack-destination', directory],
    specifier,
    signal,
  );
  const file = `${source.package.replace(/^@/, '').replace('/', '-')}-${source.version}.tgz`;
  const path = join(directory, file);
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw readError(error, path);
  }
  checkIntegrity(bytes, source.integrity, specifier);
  return bytes;
}

/** @throws LungclsError HASH_MISMATCH */
export function checkIntegrity(bytes: Uint8Array, integrity: string, what: string): void {
  const found = integrityOf(bytes);
  if (found !== integrity) {
    throw new LungclsError(
      'HASH_MISMATCH',
      `Expected ${what} to have integrity ${integrity} but it has ${found}`,
    );
  }
}

/** As npm writes it into a lockfile. */
export function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

function runNpm(
  args: readonly string[],
  specifier: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Inside `npm run` this names the npm that runs us; else the one on the path.
  const own = process.env['npm_execpath'];
  const [command, prefix] =
    own !== undefined && basename(own) === 'npm-cli.js'
      ? [process.execPath, [own]]
      : ['npm', [] as string[]];
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...prefix, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      ...(signal === undefined ? {} : { signal }),
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-4000);
    });
    const fail = (why: string, cause?: unknown): void => {
      reject(
        new LungclsError('DOWNLOAD_FAILED', `Could not fetch ${specifier} with npm: ${why}`, {
          cause,
        }),
      );
    };
    child.on('error', (error) => {
      if (signal?.aborted === true) {
        reject(
          new LungclsError('ABORTED', `Stopped while fetching ${specifier}`, { cause: error }),
        );
      } else fail(messageOf(error), error);
    });
    child.on('close', (code) => {
      if (code === 0) resolve();
      else fail(complaint.trim() === '' ? `npm ended with code ${String(code)}` : complaint.trim());
    });
  });
}
