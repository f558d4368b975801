import { readFile } from 'node:fs/promises';
import { run } from './command.ts';
import { PartUnavailable } from './unavailable.ts';

/**
 * A root folder that programs have as their real one, with the rights to mount and to make namespaces of their own, as a machine of its own would have it.
 * It sees the root read-only, but for `/run` and `/tmp`, which are new, and the mounts. All that happens in it ends with its first process, mounts included.
 */
export interface Machine {
  readonly root: string;
  /** Folders and files of this machine, by where the programs see them: in `/run`, or where the root has such a folder. */
  readonly mounts: Readonly<Record<string, string>>;
  /** `own`: nothing but what is put into it, and only the kernel's settings of the network can be changed. */
  readonly network: 'own' | 'host';
}

// $1 root, $2 file that takes the pid, $3 network, then pairs of mounts, then --, then the command.
const ENTER = `
set -e
root=$1 pid_file=$2 network=$3; shift 3
# Still the outer /proc: the number that the outside knows this process by.
read -r pid rest < /proc/self/stat
mount --bind "$root" "$root"
cd "$root"
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount --rbind /dev dev
mount -t proc proc proc
if [ "$network" = own ]; then
  mount --bind proc/sys proc/sys
  mount --bind proc/sys/net proc/sys/net
  mount -o remount,bind,ro proc/sys
  mount -t sysfs sysfs sys
  mount --rbind /sys/fs/cgroup sys/fs/cgroup
else
  mount --rbind /sys sys
fi
while [ "$1" != -- ]; do
  case $1 in /run/*) if [ -d "$2" ]; then mkdir -p ".$1"; else mkdir -p ".\${1%/*}"; : > ".$1"; fi ;; esac
  mount --rbind "$2" ".$1"
  shift 2
done
shift
mount -o remount,bind,ro "$root"
mkdir tmp/outside
pivot_root . tmp/outside
cd /
echo "$pid" > "/tmp/outside$pid_file"
umount -l tmp/outside
rmdir tmp/outside
mount --make-rshared /
exec "$@"
`;

/** The command line that runs a command as the first process of a machine; `pidFile` takes its pid once it is about to start. Killed, it takes the whole machine along. */
export function machineCommand(machine: Machine, command: readonly string[], pidFile = '/dev/null'): readonly [string, ...string[]] {
  const own = machine.network === 'own' ? ['--net'] : [];
  const mounts = Object.entries(machine.mounts).flat();
  const script = ['sh', '-c', ENTER, 'enter', machine.root, pidFile, machine.network, ...mounts, '--', ...command];
  return ['unshare', '--mount', '--pid', '--ipc', ...own, '--fork', '--kill-child=KILL', '--', ...script];
}

/** Runs a command in a machine of its own to its end and gives what it printed. It dies with this process. */
export async function runInMachine(machine: Machine, command: readonly string[]): Promise<string> {
  return await run('setpriv', ['--pdeathsig', 'KILL', '--', ...machineCommand(machine, command)]);
}

/** The command line that runs a command in a machine that runs: its first process's pid is `pid`. */
export function commandInside(pid: number, command: readonly string[]): readonly [string, ...string[]] {
  return ['nsenter', `--target=${pid}`, '--mount', '--pid', '--ipc', '--net', '--root', '--wd=/', '--', ...command];
}

/** Throws `PartUnavailable` where this process may not make machines. */
export async function requireMachines(what: string): Promise<void> {
  const remedy = 'run the tests as root on Linux, in a container with --privileged; nothing is installed on the machine';
  if (process.getuid?.() !== 0) throw new PartUnavailable(`${what} needs root`, remedy);
  try {
    await run('unshare', ['--mount', '--pid', '--net', '--fork', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']);
  } catch (cause) {
    throw new PartUnavailable(`${what} needs mounts and namespaces: ${cause instanceof Error ? cause.message : String(cause)}`, remedy, {
      cause,
    });
  }
}

/** The pid that `machineCommand` has written. */
export async function pidIn(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.endsWith('\n') ? Number(text) : undefined;
}
