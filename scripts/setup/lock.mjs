// One set-up at a time in a checkout.
import { rmSync } from 'node:fs';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Takes the lock file at `path`, waiting for another set-up that holds it; that of a process which is
 * gone is taken over. Returns the function that gives it back; so does the end of this process.
 */
export async function takeLock(path, onWait) {
  await mkdir(dirname(path), { recursive: true });
  for (let waited = false; ; waited = true) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      const release = () => {
        rmSync(path, { force: true });
      };
      process.once('exit', release);
      return () => {
        process.off('exit', release);
        release();
      };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = await readFile(path, 'utf8').catch(() => '');
    const pid = Number(holder);
    // An empty file may be one whose process id is about to be written.
    if (holder !== '' && !isAlive(pid)) {
      await rm(path, { force: true });
      continue;
    }
    if (holder === '' && waited) await rm(path, { force: true });
    if (!waited) onWait(pid);
    await sleep(500);
  }
}
