import { messageOf } from './errors.ts';

/** What is wrong with a file or folder, and what to do, by the code of the system's error. https://man7.org/linux/man-pages/man3/errno.3.html */
const problems: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'this user may not read it: change its permissions (chmod), or those of the directories above it',
  EPERM: 'the system does not let this user read it: change its permissions, or run as another user',
  EISDIR: 'it is a directory, and should be a file',
  ENOTDIR: 'a part of this path is a file, and should be a directory',
  ELOOP: 'its symbolic links lead in a circle: mend them',
  ENAMETOOLONG: 'the path is too long for this system',
  EMFILE: 'this process may not open more files: raise the limit (ulimit -n)',
  ENFILE: 'the system has too many files open: end other programs',
  EIO: 'the disk, or the network that it is on, does not give it out',
};

/** Why a file or folder cannot be read, for a line that begins with its path. */
export function fileProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return problems[code] ?? messageOf(error);
}
