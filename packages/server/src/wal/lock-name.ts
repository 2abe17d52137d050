/** Names of lock sockets in a data directory: `lock-<pid>-<random>`. */
export const LOCK_PREFIX = 'lock-';

const NAME = /^lock-([0-9]+)-[0-9a-f]+$/;

export function lockName(pid: number, unique: string): string {
  return `${LOCK_PREFIX}${pid}-${unique}`;
}

/** The process that made the lock `name`; undefined for other files. */
export function lockPid(name: string): number | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}
