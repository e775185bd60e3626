/** app://bundle/: the built interface, with the same headers as on loopback, and nothing else. */
import type { CustomScheme } from 'electron';
import { securityHeaders } from '../content-policy.ts';
import { interfaceFile, type Disk } from '../interface-files.ts';
import { appScheme, appUrl, isOurs } from './origin.ts';

/** To be registered before the application is ready. */
export const appSchemePrivileges: CustomScheme = {
  scheme: appScheme,
  privileges: { standard: true, secure: true, supportFetchAPI: true },
};

function answer(
  status: number,
  body: Uint8Array | null,
  headers: Record<string, string>,
): Response {
  return new Response(body === null ? null : new Uint8Array(body), {
    status,
    headers: { ...securityHeaders, ...headers },
  });
}

/** The handler of the scheme. It judges the address as it came, before anyone tidied it up. */
export function serveInterface(
  disk: Disk,
  root: string,
): (request: Pick<Request, 'url' | 'method'>) => Promise<Response> {
  return async ({ url, method }) => {
    if (method !== 'GET' && method !== 'HEAD') return answer(405, null, { Allow: 'GET, HEAD' });
    if (!isOurs(url) || !url.startsWith(appUrl)) return answer(404, null, {});
    const path = url.slice(appUrl.length - 1).split(/[?#]/)[0] ?? '/';
    const file = await interfaceFile(disk, root, path);
    if (file === null) return answer(404, null, {});
    return answer(200, method === 'HEAD' ? null : file.bytes, {
      'Content-Type': file.type,
      'Cache-Control': file.immutable ? 'private, max-age=31536000, immutable' : 'no-cache',
    });
  };
}
