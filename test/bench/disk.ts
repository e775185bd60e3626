/**
 * The disk everything is measured on: an ext4 file system filled with real files of this computer,
 * taken in alphabetical order until there are enough. The same computer makes the same disk; the
 * list's digest is printed so that two runs can be compared.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sources = ['/usr/lib', '/usr/share', '/usr/bin', '/usr/include', '/opt', '/var/lib'];
const fixedTime = '1700000000'; // what mke2fs takes for now
const fixedId = '5fa3c1e2-0000-4000-8000-000000000001';

export interface Content {
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
  readonly totalBytes: number;
  /** SHA-256 over paths and sizes. */
  readonly digest: string;
}

/** Regular files below the sources, in order, until `wantedBytes` are reached. */
export async function chooseFiles(wantedBytes: number): Promise<Content> {
  const files: { path: string; sizeBytes: number }[] = [];
  const hash = createHash('sha256');
  const seen = new Set<number>(); // a file with two names would count twice and be stored once
  let totalBytes = 0;
  const visit = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (totalBytes >= wantedBytes) return;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) await visit(path);
      if (!entry.isFile()) continue;
      const { size, ino } = await stat(path);
      if (size === 0 || seen.has(ino) || totalBytes + size > wantedBytes * 1.02) continue;
      seen.add(ino);
      files.push({ path, sizeBytes: size });
      hash.update(`${path}\n${size}\n`);
      totalBytes += size;
    }
  };
  for (const source of sources) await visit(source);
  return { files, totalBytes, digest: hash.digest('hex') };
}

/** Makes `image`, a raw sparse ext4 disk of `diskBytes` with the content in it. */
export async function buildDisk(image: string, content: Content, diskBytes: number): Promise<void> {
  const tree = `${image}.tree`;
  await rm(tree, { recursive: true, force: true });
  const folders = new Set(content.files.map(({ path }) => dirname(path)));
  for (const folder of folders) await mkdir(join(tree, folder), { recursive: true });
  for (const { path } of content.files) await linkOrCopy(path, join(tree, path));
  const file = await open(image, 'w', 0o644);
  await file.truncate(diskBytes);
  await file.close();
  await run(
    'mke2fs',
    [
      ...['-q', '-F', '-t', 'ext4', '-U', fixedId, '-E', `hash_seed=${fixedId},root_owner=0:0`],
      ...['-m', '0', '-N', String(content.files.length * 2 + 4096), '-d', tree, image],
    ],
    { env: { ...process.env, E2FSPROGS_FAKE_TIME: fixedTime } },
  );
  await rm(tree, { recursive: true });
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await copyFile(from, to); // another file system, or one that forbids it
  }
}

/** Reads a file once, so that every contender finds it in the page cache. */
export async function warm(path: string): Promise<void> {
  await run('dd', [`if=${path}`, 'of=/dev/null', 'bs=4M', 'status=none']);
}
