import { availableParallelism } from 'node:os';
import test from 'ava';
import { availableThreads, cgroupCpus, resolveThreads } from '#src/runtime/threads.js';

/** A /proc and /sys of just these files. */
const files = (content: Record<string, string>) => (path: string) => content[path];

test('the CPU quota of a control group counts, rounded up', (t) => {
  const own = { '/proc/self/cgroup': '0::/\n' };
  t.is(cgroupCpus(files({})), undefined);
  t.is(cgroupCpus(files({ ...own, '/sys/fs/cgroup/cpu.max': 'max 100000\n' })), undefined);
  t.is(cgroupCpus(files({ ...own, '/sys/fs/cgroup/cpu.max': '200000 100000\n' })), 2);
  t.is(cgroupCpus(files({ ...own, '/sys/fs/cgroup/cpu.max': '150000 100000\n' })), 2);
  t.is(cgroupCpus(files({ ...own, '/sys/fs/cgroup/cpu.max': '10000 100000\n' })), 1);
  t.is(
    cgroupCpus(
      files({
        '/proc/self/cgroup': '0::/user.slice/a.scope\n',
        '/sys/fs/cgroup/user.slice/a.scope/cpu.max': '300000 100000\n',
      }),
    ),
    3,
  );
  const version1 = (quota: string) =>
    files({
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': quota,
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    });
  t.is(cgroupCpus(version1('400000\n')), 4);
  t.is(cgroupCpus(version1('-1\n')), undefined);
});

test('threads default to those that are available', (t) => {
  t.true(availableThreads() >= 1 && availableThreads() <= availableParallelism());
  t.is(resolveThreads(), availableThreads());
  t.is(resolveThreads(3), 3);
  for (const bad of [0, -1, 1.5, NaN, 1025]) {
    t.throws(() => resolveThreads(bad), { code: 'INVALID_OPTION', message: /for threads but/ });
  }
});
