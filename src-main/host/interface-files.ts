/**
 * The built interface as files, served by app:// and by loopback alike. A request names a file
 * below one folder and nothing else: what decodes to a way out, a NUL, a link to elsewhere or a
 * folder is simply not there.
 */
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** The disk as this needs it; the world's files are one. */
export interface Disk {
  realPath(path: string): Promise<string>;
  stat(path: string): Promise<{ readonly kind: string } | null>;
  /** Rejects when the file is larger than `maxBytes`. */
  read(path: string, maxBytes: number): Promise<Uint8Array>;
}

/** No file of the interface comes near this. */
const maxFileBytes = 16 * 1024 * 1024;
const maxPathLength = 1024;

export interface InterfaceFile {
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Its name holds a hash of its content: it never changes. */
  readonly immutable: boolean;
}

/** The parts of a request path, decoded once; null for anything that could lead elsewhere. */
export function safeParts(requestPath: string): readonly string[] | null {
  if (requestPath.length > maxPathLength || !requestPath.startsWith('/')) return null;
  let decoded: string;
  try {
    decoded = decodeURIComponent(requestPath);
  } catch {
    return null; // a broken % sequence names nothing
  }
  // A second layer of encoding, a backslash or a NUL has no honest use in our file names.
  if (/[\0\\%]/.test(decoded)) return null;
  const parts = decoded.slice(1).split('/');
  if (decoded === '/') return ['index.html'];
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return null;
  return parts;
}

/** The file a request path names below `root`, or null. */
export async function interfaceFile(
  disk: Disk,
  root: string,
  requestPath: string,
): Promise<InterfaceFile | null> {
  const parts = safeParts(requestPath);
  const name = parts?.at(-1);
  if (parts === null || name === undefined) return null;
  const type = types[name.slice(name.lastIndexOf('.'))];
  if (type === undefined) return null;
  try {
    const base = await disk.realPath(root);
    const path = await disk.realPath([base, ...parts].join('/')); // judge where links end
    if (!path.startsWith(`${base}/`)) return null;
    if ((await disk.stat(path))?.kind !== 'file') return null;
    const bytes = await disk.read(path, maxFileBytes);
    return { type, bytes, immutable: parts[0] === 'assets' };
  } catch {
    return null; // not there, too large or not ours to read: the same answer
  }
}
