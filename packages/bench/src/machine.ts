/** What figures depend on beside the program. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';

interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  /** Of 1, 5 and 15 minutes. */
  readonly loadAverage: readonly number[];
  /** Median of writing 4 KiB into a prepared file and syncing it. */
  readonly syncMs: number;
}

const syncs = 51;
const blockBytes = 4_096;

/** Measures the disk in `dir`. */
export function describeMachine(dir: string): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown CPU',
    cores: all.length,
    memoryGiB: totalmem() / 1024 ** 3,
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    loadAverage: loadavg(),
    syncMs: medianSyncMs(dir),
  };
}

function medianSyncMs(dir: string): number {
  const file = join(dir, 'sync-probe');
  const fd = openSync(file, 'w');
  try {
    writeSync(fd, new Uint8Array(syncs * blockBytes));
    fdatasyncSync(fd);
    const times = Array.from({ length: syncs }, (_, index) => {
      const startMs = performance.now();
      writeSync(fd, new Uint8Array(blockBytes).fill(1), 0, blockBytes, index * blockBytes);
      fdatasyncSync(fd);
      return performance.now() - startMs;
    });
    return times.toSorted((a, b) => a - b)[(syncs - 1) / 2] ?? 0;
  } finally {
    closeSync(fd);
    rmSync(file);
  }
}

export function machineText(machine: Machine): string {
  const { cpu, cores, memoryGiB, system, node, loadAverage, syncMs } = machine;
  const load = loadAverage.map((value) => value.toFixed(1)).join(' ');
  return [
    `${cpu}, ${cores} cores, ${memoryGiB.toFixed(0)} GiB; ${system}; Node ${node}`,
    `load average before ${load}; write + fdatasync of 4 KiB ${syncMs.toFixed(2)} ms`,
  ].join('\n');
}
